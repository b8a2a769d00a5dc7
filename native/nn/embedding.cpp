// Embedding, EmbeddingBag. Source: torch/nn/modules/sparse.py and torch/nn/functional.py, PyTorch 2.13. The modules are
// ours: those of torch::nn know no frozen weight, and their words differ. `fromPretrained` is in lib/nn/embedding.ts.
#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/options/embedding.h>

#include "core/error.h"
#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

struct EmbeddingOptions : nn::EmbeddingOptions {
  using nn::EmbeddingOptions::EmbeddingOptions;
  TORCH_ARG(bool, _freeze) = false;
};

struct EmbeddingBagOptions {
  EmbeddingBagOptions(int64_t num_embeddings, int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  TORCH_ARG(int64_t, num_embeddings);
  TORCH_ARG(int64_t, embedding_dim);
  TORCH_ARG(std::optional<double>, max_norm) = std::nullopt;
  TORCH_ARG(double, norm_type) = 2.;
  TORCH_ARG(bool, scale_grad_by_freq) = false;
  TORCH_ARG(std::string, mode) = "mean";
  TORCH_ARG(bool, sparse) = false;
  TORCH_ARG(at::Tensor, _weight);
  TORCH_ARG(bool, include_last_offset) = false;
  TORCH_ARG(std::optional<int64_t>, padding_idx) = std::nullopt;
  TORCH_ARG(bool, _freeze) = false;
};

/** Counted from the front; one that is no row is an error that starts with `word`. */
std::optional<int64_t> row_index(std::optional<int64_t> index, int64_t rows, const char* word) {
  if (!index || *index == 0) return index;
  if (*index >= rows || *index < -rows) fail_argument(std::string(word) + " must be within num_embeddings");
  return *index < 0 ? rows + *index : *index;
}

/** Reads the tensor that becomes the weight, and whether it learns. */
template <class Options>
void take_weight(Options& options, const Given& given, const std::string& name) {
  const auto weight = given("_weight");
  if (!weight.IsUndefined()) options._weight(read_option<at::Tensor>(weight, name + ": expected _weight"));
  const auto freeze = given("_freeze");
  if (!freeze.IsUndefined()) options._freeze(read_option<bool>(freeze, name + ": expected _freeze"));
  if (options._weight().defined() &&
      options._weight().sizes() != c10::IntArrayRef{options.num_embeddings(), options.embedding_dim()}) {
    fail("ERR_SHAPE", "Shape of weight does not match num_embeddings and embedding_dim");
  }
}

std::string size_text(c10::IntArrayRef sizes) {
  std::string text;
  for (auto size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "torch.Size([" + text + "])";
}

/** A table of vectors. */
template <class Options_>
class Table : public nn::Cloneable<Table<Options_>> {
 public:
  using Options = Options_;
  explicit Table(const Options& options_) : options(options_) { Table::reset(); }
  void reset() override {
    if (options._weight().defined()) {
      weight = options._weight().detach();
      options._weight(at::Tensor());  // else it would live as long as the layer, whatever its weight is then
    } else {
      weight = at::empty({options.num_embeddings(), options.embedding_dim()});
      reset_parameters();
    }
    weight.set_requires_grad(!options._freeze());
  }
  void reset_parameters() {
    nn::init::normal_(weight);
    if (!options.padding_idx()) return;
    const at::NoGradGuard off;
    weight[*options.padding_idx()].fill_(0);
  }
  /** Shortens the vectors that are looked up, in the weight itself. */
  void limit_norms(const at::Tensor& input) {
    if (!options.max_norm()) return;
    auto values = weight.detach();
    at::embedding_renorm_(values, input, *options.max_norm(), options.norm_type());
  }

  Options options;
  at::Tensor weight;
};

using Embedding = Table<EmbeddingOptions>;
using EmbeddingBag = Table<EmbeddingBagOptions>;

at::Tensor look_up(Embedding& m, const at::Tensor& indices) {
  const auto& o = m.options;
  const auto padding = row_index(o.padding_idx(), m.weight.size(0), "Padding_idx");
  const auto input = o.max_norm() ? indices.contiguous() : indices;
  m.limit_norms(input);
  return at::embedding(m.weight, input, padding.value_or(-1), o.scale_grad_by_freq(), o.sparse());
}

int64_t mode_number(const EmbeddingBagOptions& options) {
  if (options.mode() == "sum") return 0;
  if (options.mode() == "mean") return 1;
  if (options.mode() != "max") fail_argument("mode has to be one of sum, mean or max");
  if (options.scale_grad_by_freq()) fail_argument("max mode does not support scaling the gradient by the frequency");
  if (options.sparse()) fail_argument("max mode does not support sparse weights");
  return 2;
}

at::Tensor look_up_bags(EmbeddingBag& m, at::Tensor input, at::Tensor offsets, at::Tensor factors) {
  const auto& o = m.options;
  auto include_last_offset = o.include_last_offset();
  if (factors.defined() && input.sizes() != factors.sizes()) {
    fail("ERR_SHAPE", "embedding_bag: If per_sample_weights (" + size_text(factors.sizes()) +
                          ") is not None, then it must have the same shape as the input (" + size_text(input.sizes()) +
                          ")");
  }
  if (m.weight.dim() != 2) {
    fail("ERR_SHAPE", "weight has to be a 2D Tensor, but got Tensor of dimension " + std::to_string(m.weight.dim()));
  }
  if (input.dim() == 2) {
    if (offsets.defined()) {
      fail_argument(
          "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. "
          "However, found offsets of type <class 'torch.Tensor'>");
    }
    offsets = at::arange(0, input.numel(), input.size(1), input.options());
    include_last_offset = false;
    input = input.reshape(-1);
    if (factors.defined()) factors = factors.reshape(-1);
  } else if (input.dim() == 1) {
    if (!offsets.defined()) fail_argument("offsets has to be a 1D Tensor but got None");
    if (offsets.dim() != 1) fail("ERR_SHAPE", "offsets has to be a 1D Tensor");
  } else {
    fail("ERR_SHAPE", "input has to be 1D or 2D Tensor, but got Tensor of dimension " + std::to_string(input.dim()));
  }
  const auto mode = mode_number(o);
  m.limit_norms(input);
  if (factors.defined() && mode != 0) {
    fail_argument(
        "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
        "mode='sum' (got mode='" +
        o.mode() + "'). Please open a feature request on GitHub.");
  }
  return std::get<0>(at::embedding_bag(m.weight, input, offsets, o.scale_grad_by_freq(), mode, o.sparse(), factors,
                                       include_last_offset, o.padding_idx()));
}

const char* const kRows = "number of vectors, >= 0; indices are below it";
const char* const kColumns = "size of each vector, >= 0";
const char* const kNorm = "vectors that are longer are shortened to it, in the weight itself; null: none";
const char* const kNormType = "the p of the p-norm that `maxNorm` limits";
const char* const kByFrequency = "divides gradients by how often the index occurs in the batch";
const char* const kSparse = "makes the gradient of the weight a sparse tensor";
Argument weight_argument() {
  return constructor_only("_weight", "Tensor | null",
                          "becomes the weight, of which it shares the memory: `(numEmbeddings, embeddingDim)`");
}

ArgumentOf<EmbeddingBagOptions> mode_argument() {
  ArgumentOf<EmbeddingBagOptions> argument = OPT(mode, "what is made of the vectors of a bag");
  argument.accepts = argument.gives = "'sum' | 'mean' | 'max'";
  return argument;
}

}  // namespace

static const Registered<Row> kEmbedding{row<Embedding, EmbeddingOptions>({
    .name = "Embedding",
    .doc = "Looks up vectors by their indices.\n"
           "Shape: integers `(*)` → `(*, embeddingDim)`; `weight` `(numEmbeddings, embeddingDim)`.",
    .seed = {0, 0},
    .arguments = {REQ(num_embeddings, kRows), REQ(embedding_dim, kColumns),
                  OPT(padding_idx,
                      "index whose vector starts as zeros and does not learn; negative counts from the end; null: "
                      "none"),
                  OPT(max_norm, kNorm), OPT(norm_type, kNormType), OPT(scale_grad_by_freq, kByFrequency),
                  OPT(sparse, kSparse), weight_argument(),
                  constructor_only("_freeze", "boolean", "whether the weight does not learn"), DEVICE, DTYPE},
    .tensors = {PARAMETER(weight)},
    .repr =
        [](const Words& w) {
          return w.format("{num_embeddings}, {embedding_dim}") + w.unless("None", "padding_idx") +
                 w.unless("None", "max_norm") + w.unless("2.0", "norm_type") + w.unless("False", "scale_grad_by_freq") +
                 w.unless("False", "sparse");
        },
    .prepare =
        [](EmbeddingOptions& o, const Given& given) {
          o.padding_idx(row_index(o.padding_idx(), o.num_embeddings(), "Padding_idx"));
          take_weight(o, given, "Embedding");
        },
    .forward = [](auto& m, Inputs in) { return look_up(m, in[0]); },
})};

static const Registered<Row> kEmbeddingBag{row<EmbeddingBag, EmbeddingBagOptions>({
    .name = "EmbeddingBag",
    .doc = "Looks up vectors by their indices and gives the sum, the mean or the maximum of each bag of them.\n"
           "Shape: integers `(B, N)`, or `(N)` with the `offsets` `(B)` at which bags start → `(B, embeddingDim)`; "
           "`perSampleWeights`, for 'sum', in the shape of the input; `weight` `(numEmbeddings, embeddingDim)`.",
    .seed = {0, 0},
    .arguments = {REQ(num_embeddings, kRows), REQ(embedding_dim, kColumns), OPT(max_norm, kNorm),
                  OPT(norm_type, kNormType), OPT(scale_grad_by_freq, kByFrequency), mode_argument(),
                  OPT(sparse, kSparse), weight_argument(),
                  OPT(include_last_offset, "whether `offsets` ends with the number of indices, `(B + 1)`"),
                  OPT(padding_idx,
                      "index that counts in no bag and whose vector does not learn; negative counts from the end; "
                      "null: none"),
                  DEVICE, DTYPE},
    .tensors = {PARAMETER(weight)},
    .inputs = {"input", "offsets?", "per_sample_weights?"},
    .repr =
        [](const Words& w) {
          return w.format("{num_embeddings}, {embedding_dim}") + w.unless("None", "max_norm") +
                 w.unless("2.0", "norm_type") + w.unless("False", "scale_grad_by_freq") + w.format(", mode='{mode}'") +
                 w.unless("None", "padding_idx");
        },
    .prepare =
        [](EmbeddingBagOptions& o, const Given& given) {
          o.padding_idx(row_index(o.padding_idx(), o.num_embeddings(), "padding_idx"));
          take_weight(o, given, "EmbeddingBag");
        },
    .forward = [](auto& m, Inputs in) { return look_up_bags(m, in[0], in[1], in[2]); },
})};

}  // namespace libtorch_node::layers
