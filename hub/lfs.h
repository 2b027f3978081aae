// Large files to the Hub's storage: the batch protocol of Git LFS, in one piece or in parts.
#pragma once

#include <string>
#include <vector>

#include "hub/fetch.h"
#include "hub/http.h"
#include "hub/local_files.h"

namespace hft::hub {

// Uploads those that the Hub does not have, several at once; `meter` counts the bytes sent. Throws
// kNetwork, kNotAuthorised, or kResources for a file that changes meanwhile. How many were sent.
std::size_t upload_large(Http& http, const std::string& repo_id, const std::string& revision,
                         const std::vector<const LocalFile*>& files);

}  // namespace hft::hub
