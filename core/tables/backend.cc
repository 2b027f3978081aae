#include "core/tables/backend.h"

#include "core/base/error.h"
#include "core/base/library.h"

namespace hft {

const TableBackend& table_backend() {
  static const TableBackend* opened = [] {
    try {
      return reinterpret_cast<const TableBackend* (*)()>(
          open_library("hft_tables", "hft_tables"))();
    } catch (const Error& e) {
      if (e.code != Errc::kFailure) throw;
      fail_hint(Errc::kUnsupported, "scripts/setup installs it (the pyarrow wheel), then scripts/build",
                "Parquet and Arrow tables need Apache Arrow: ", e.message);
    }
  }();
  return *opened;
}

}  // namespace hft
