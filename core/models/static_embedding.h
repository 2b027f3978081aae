// StaticEmbedding of sentence-transformers and model2vec (github.com/MinishLab/model2vec): a text's
// vector is the mean of its tokens' rows of a table. Reference: sentence-transformers 6.
#pragma once

#include "core/models/heads/model.h"
#include "core/models/text_net.h"

namespace hft {

// The table as an encoder whose hidden states are its rows. model2vec's own files may share rows
// among tokens (`mapping`) and scale them (`weights`).
TextNet static_embedding(const ModelRequest& request, const std::filesystem::path& folder,
                         at::Device device);

}  // namespace hft
