// Writes archives with torch::save and says what is in them; opens archives with torch::load and says what it found.
//   archive write FOLDER          NAME.pt and NAME.txt for each case
//   archive read KIND FILE        the lines of one archive
// A line is a key and a value; tensors and doubles are given by their bytes.
#include <torch/nn/module.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>
#include <torch/serialize.h>

#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

using torch::Tensor;
using Lines = std::ostringstream;

static std::string hex(const void* data, size_t size) {
  static const char* digits = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < size; i++) {
    const auto byte = static_cast<const unsigned char*>(data)[i];
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

static void line(Lines& out, const std::string& key, const Tensor& t) {
  out << key << ' ';
  if (!t.defined()) {
    out << "undefined\n";
    return;
  }
  const Tensor c = t.detach().resolve_conj().contiguous();
  out << c10::getDtypeNames(t.scalar_type()).first << " [";
  for (int64_t i = 0; i < t.dim(); i++) out << (i ? "," : "") << t.size(i);
  out << "] " << (t.requires_grad() ? "grad " : "") << hex(c.data_ptr(), c.nbytes()) << '\n';
}
static void line(Lines& out, const std::string& key, double value) {
  unsigned char bytes[8];
  std::memcpy(bytes, &value, 8);
  out << key << " double " << hex(bytes, 8) << '\n';
}
static void line(Lines& out, const std::string& key, int64_t value) { out << key << " int " << value << '\n'; }
static void line(Lines& out, const std::string& key, bool value) { out << key << " bool " << value << '\n'; }

static Tensor filled(at::IntArrayRef shape, double first, at::ScalarType dtype = at::kFloat) {
  const int64_t count = c10::multiply_integers(shape);
  return at::arange(count, at::TensorOptions().dtype(at::kDouble)).mul(0.37).add(first).to(dtype).reshape(shape);
}

// ---- modules

struct Leaf : torch::nn::Module {
  Leaf(int64_t in, int64_t out, double first) {
    register_parameter("weight", filled({out, in}, first));
    register_parameter("bias", filled({out}, first + 1));
  }
};
struct Group : torch::nn::Module {};

struct Net : torch::nn::Module {
  explicit Net(double first) {
    register_buffer("steps", at::full({}, int64_t(first), at::kLong));
    register_parameter("scale", filled({3}, first));
    register_parameter("frozen", filled({2, 2}, first), false);
    register_module("conv", std::make_shared<Leaf>(2, 3, first + 2));
    auto layers = register_module("layers", std::make_shared<Group>());
    for (const char* name : {"1", "0", "10"}) {
      layers->register_module(name, std::make_shared<Leaf>(1, 2, first + name[0]));
    }
    register_module("empty", std::make_shared<Group>());
    auto kinds = register_module("kinds", std::make_shared<Group>());
    for (auto dtype : {at::kDouble, at::kHalf, at::kBFloat16, at::kInt, at::kShort, at::kChar, at::kByte,
                       at::kComplexFloat, at::kComplexDouble}) {
      kinds->register_buffer(std::string(c10::getDtypeNames(dtype).first), filled({4}, first + 3, dtype));
    }
    kinds->register_buffer("flags", filled({2, 3}, first).gt(1.0));
    kinds->register_buffer("none", filled({0, 3}, 0));
    register_parameter("tail", filled({5}, first + 9));
  }
};

struct Words : torch::nn::Module {
  explicit Words(double first) {
    for (const char* name : {"class", "None", "__parameters__", "a-b", "\xc3\xa4 b"}) {
      register_parameter(name, filled({2}, first++));
      register_module(std::string("in ") + name, std::make_shared<Leaf>(1, 2, first));
    }
  }
};

static std::string say(const torch::nn::Module& module) {
  Lines out;
  for (const auto& item : module.named_parameters()) line(out, item.key(), item.value());
  for (const auto& item : module.named_buffers()) line(out, item.key(), item.value());
  return out.str();
}

// ---- optimizers

static void options(Lines& out, const std::string& at, const torch::optim::SGDOptions& o) {
  line(out, at + "lr", o.lr());
  line(out, at + "momentum", o.momentum());
  line(out, at + "dampening", o.dampening());
  line(out, at + "weight_decay", o.weight_decay());
  line(out, at + "nesterov", o.nesterov());
}
static void state(Lines& out, const std::string& at, const torch::optim::SGDParamState& s) {
  line(out, at + "momentum_buffer", s.momentum_buffer());
}
template <typename Options>
static void adamOptions(Lines& out, const std::string& at, const Options& o) {
  line(out, at + "lr", o.lr());
  line(out, at + "betas.0", std::get<0>(o.betas()));
  line(out, at + "betas.1", std::get<1>(o.betas()));
  line(out, at + "eps", o.eps());
  line(out, at + "weight_decay", o.weight_decay());
  line(out, at + "amsgrad", o.amsgrad());
}
template <typename State>
static void adamState(Lines& out, const std::string& at, const State& s) {
  line(out, at + "step", s.step());
  line(out, at + "exp_avg", s.exp_avg());
  line(out, at + "exp_avg_sq", s.exp_avg_sq());
  line(out, at + "max_exp_avg_sq", s.max_exp_avg_sq());
}
static void options(Lines& o, const std::string& at, const torch::optim::AdamOptions& a) { adamOptions(o, at, a); }
static void options(Lines& o, const std::string& at, const torch::optim::AdamWOptions& a) { adamOptions(o, at, a); }
static void state(Lines& out, const std::string& at, const torch::optim::AdamParamState& s) { adamState(out, at, s); }
static void state(Lines& out, const std::string& at, const torch::optim::AdamWParamState& s) { adamState(out, at, s); }
static void options(Lines& out, const std::string& at, const torch::optim::AdagradOptions& o) {
  line(out, at + "lr", o.lr());
  line(out, at + "lr_decay", o.lr_decay());
  line(out, at + "weight_decay", o.weight_decay());
  line(out, at + "initial_accumulator_value", o.initial_accumulator_value());
  line(out, at + "eps", o.eps());
}
static void state(Lines& out, const std::string& at, const torch::optim::AdagradParamState& s) {
  line(out, at + "step", s.step());
  line(out, at + "sum", s.sum());
}
static void options(Lines& out, const std::string& at, const torch::optim::RMSpropOptions& o) {
  line(out, at + "lr", o.lr());
  line(out, at + "alpha", o.alpha());
  line(out, at + "eps", o.eps());
  line(out, at + "weight_decay", o.weight_decay());
  line(out, at + "momentum", o.momentum());
  line(out, at + "centered", o.centered());
}
static void state(Lines& out, const std::string& at, const torch::optim::RMSpropParamState& s) {
  line(out, at + "step", s.step());
  line(out, at + "square_avg", s.square_avg());
  line(out, at + "momentum_buffer", s.momentum_buffer());
  line(out, at + "grad_avg", s.grad_avg());
}
static void options(Lines& out, const std::string& at, const torch::optim::LBFGSOptions& o) {
  line(out, at + "lr", o.lr());
  line(out, at + "max_iter", o.max_iter());
  line(out, at + "max_eval", o.max_eval().value_or(-1));
  line(out, at + "tolerance_grad", o.tolerance_grad());
  line(out, at + "tolerance_change", o.tolerance_change());
  line(out, at + "history_size", o.history_size());
  out << at << "line_search_fn " << o.line_search_fn().value_or("none") << '\n';
}
static void state(Lines& out, const std::string& at, const torch::optim::LBFGSParamState& s) {
  line(out, at + "func_evals", s.func_evals());
  line(out, at + "n_iter", s.n_iter());
  line(out, at + "t", s.t());
  line(out, at + "prev_loss", s.prev_loss());
  line(out, at + "d", s.d());
  line(out, at + "H_diag", s.H_diag());
  line(out, at + "prev_flat_grad", s.prev_flat_grad());
  auto all = [&](const std::string& name, const auto& tensors) {
    int i = 0;
    for (const auto& tensor : tensors) line(out, at + name + "." + std::to_string(i++), tensor);
  };
  all("old_dirs", s.old_dirs());
  all("old_stps", s.old_stps());
  all("ro", s.ro());
  if (s.al()) all("al", *s.al());
}

template <typename Options, typename State>
static std::string say(const torch::optim::Optimizer& optimizer) {
  Lines out;
  size_t group = 0, index = 0;
  for (const auto& g : optimizer.param_groups()) {
    options(out, "group." + std::to_string(group++) + ".", static_cast<const Options&>(g.options()));
    for (const auto& p : g.params()) {
      const auto found = optimizer.state().find(p.unsafeGetTensorImpl());
      const std::string at = "state." + std::to_string(index++) + ".";
      if (found != optimizer.state().end()) state(out, at, static_cast<const State&>(*found->second));
    }
  }
  return out.str();
}

/** Three parameters; the third never has a gradient. */
struct Trained {
  std::vector<Tensor> params{filled({2, 3}, 0.5), filled({4}, -1.25), filled({2}, 3)};
  Trained() {
    for (auto& p : params) p.requires_grad_();
  }
  Tensor loss() { return (params[0] * params[0]).sum() + (params[1] - 0.5).pow(4).sum(); }
  std::vector<torch::optim::OptimizerParamGroup> groups(std::unique_ptr<torch::optim::OptimizerOptions> second) {
    std::vector<torch::optim::OptimizerParamGroup> out;
    out.emplace_back(std::vector<Tensor>{params[1], params[0]});
    out.emplace_back(std::vector<Tensor>{params[2]}, std::move(second));
    return out;
  }
  void train(torch::optim::Optimizer& optimizer, int steps) {
    for (int i = 0; i < steps; i++) {
      optimizer.step([&] {
        optimizer.zero_grad();
        Tensor value = loss();
        value.backward();
        return value;
      });
    }
  }
};

struct Kind {
  /** What it made, and an object of the same kind for reading. */
  std::function<std::string(const std::string& file)> write, read;
};

template <typename Optimizer, typename Options, typename State>
static Kind optimizer(Options first, std::unique_ptr<Options> second, int steps) {
  auto kept = std::make_shared<std::unique_ptr<Options>>(std::move(second));
  auto make = [first, kept](Trained& t) {
    if (!*kept) return std::make_unique<Optimizer>(t.params, first);
    return std::make_unique<Optimizer>(t.groups(std::make_unique<Options>(**kept)), first);
  };
  return {[=](const std::string& file) {
            Trained t;
            auto made = make(t);
            t.train(*made, steps);
            torch::save(*made, file);
            return say<Options, State>(*made);
          },
          [=](const std::string& file) {
            Trained t;
            auto made = make(t);
            torch::load(*made, file);
            const std::string found = say<Options, State>(*made);
            // what was read is not only there: it works
            t.train(*made, 1);
            return found;
          }};
}

static Kind tensors(std::vector<Tensor> values) {
  return {[=](const std::string& file) {
            torch::save(values, file);
            Lines out;
            for (size_t i = 0; i < values.size(); i++) line(out, std::to_string(i), values[i]);
            return out.str();
          },
          [=](const std::string& file) {
            std::vector<Tensor> found;
            torch::load(found, file);
            Lines out;
            for (size_t i = 0; i < found.size(); i++) line(out, std::to_string(i), found[i]);
            return out.str();
          }};
}

static std::map<std::string, Kind> kinds() {
  using namespace torch::optim;
  std::map<std::string, Kind> all;
  all["net"] = {[](const std::string& file) {
                  auto net = std::make_shared<Net>(1.5);
                  torch::save(net, file);
                  return say(*net);
                },
                [](const std::string& file) {
                  auto net = std::make_shared<Net>(100);
                  torch::load(net, file);
                  return say(*net);
                }};
  // names that the language of TorchScript has for itself: LibTorch writes them in a form that it cannot open
  all["words"] = {[](const std::string& file) {
                    auto words = std::make_shared<Words>(1);
                    torch::save(words, file);
                    return say(*words);
                  },
                  [](const std::string& file) {
                    auto words = std::make_shared<Words>(100);
                    torch::load(words, file);
                    return say(*words);
                  }};
  all["empty"] = {[](const std::string& file) { return torch::save(std::make_shared<Group>(), file), ""; },
                  [](const std::string& file) {
                    auto group = std::make_shared<Group>();
                    return torch::load(group, file), "";
                  }};
  all["tensor"] = {[](const std::string& file) {
                     const Tensor t = filled({3, 4}, 2).slice(1, 1, 3).t().requires_grad_();
                     torch::save(t, file);
                     Lines out;
                     line(out, "0", t);
                     return out.str();
                   },
                   [](const std::string& file) {
                     Tensor t;
                     torch::load(t, file);
                     Lines out;
                     line(out, "0", t);
                     return out.str();
                   }};
  const Tensor base = filled({12}, 7);
  std::vector<Tensor> many;
  for (int i = 0; i < 12; i++) many.push_back(base.slice(0, i, 12));
  all["tensors"] = tensors(many);
  all["custom"] = {[](const std::string& file) {
                     torch::serialize::OutputArchive archive, inner;
                     Lines out;
                     archive.write("epoch", c10::IValue(int64_t(3)));
                     archive.write("lr", c10::IValue(2.0));
                     archive.write("title", c10::IValue("a 'b' \n"));
                     archive.write("done", c10::IValue(true));
                     archive.write("sizes", c10::IValue(std::vector<int64_t>{1, 2}));
                     inner.write("weight", filled({2}, 4));
                     archive.write("net", inner);
                     archive.save_to(file);
                     line(out, "net.weight", filled({2}, 4));
                     out << "epoch int 3\nlr double 0000000000000040\ndone bool 1\ntitle a 'b' \n\nsize 1\nsize 2\n";
                     return out.str();
                   },
                   [](const std::string& file) {
                     torch::serialize::InputArchive archive, inner;
                     archive.load_from(file);
                     Lines out;
                     auto get = [&](const char* key) {
                       c10::IValue value;
                       archive.read(key, value);
                       return value;
                     };
                     line(out, "epoch", get("epoch").toInt());
                     line(out, "lr", get("lr").toDouble());
                     line(out, "done", get("done").toBool());
                     archive.read("net", inner);
                     Tensor weight;
                     inner.read("weight", weight);
                     line(out, "net.weight", weight);
                     out << "title " << get("title").toStringRef() << '\n';
                     for (int64_t size : get("sizes").toIntVector()) out << "size " << size << '\n';
                     return out.str();
                   }};
  all["sgd"] = optimizer<SGD, SGDOptions, SGDParamState>(
      SGDOptions(0.1).momentum(0.9).weight_decay(0.01).nesterov(true), std::make_unique<SGDOptions>(0.25), 2);
  all["sgd-plain"] = optimizer<SGD, SGDOptions, SGDParamState>(SGDOptions(1), nullptr, 1);
  all["adam"] = optimizer<Adam, AdamOptions, AdamParamState>(
      AdamOptions(0.01).betas({0.8, 0.95}), std::make_unique<AdamOptions>(AdamOptions(0.5).amsgrad(true)), 3);
  all["adam-amsgrad"] = optimizer<Adam, AdamOptions, AdamParamState>(AdamOptions(0.02).amsgrad(true), nullptr, 2);
  all["adam-new"] = optimizer<Adam, AdamOptions, AdamParamState>(AdamOptions(), nullptr, 0);
  all["adamw"] = optimizer<AdamW, AdamWOptions, AdamWParamState>(AdamWOptions(0.03).weight_decay(0.2), nullptr, 3);
  all["adagrad"] = optimizer<Adagrad, AdagradOptions, AdagradParamState>(AdagradOptions(0.04).lr_decay(0.5), nullptr, 3);
  all["rmsprop"] = optimizer<RMSprop, RMSpropOptions, RMSpropParamState>(
      RMSpropOptions(0.05).momentum(0.5).centered(true), nullptr, 3);
  all["rmsprop-plain"] = optimizer<RMSprop, RMSpropOptions, RMSpropParamState>(RMSpropOptions(0.05), nullptr, 1);
  // LBFGS cannot be saved by C++ before its history is full: the rest of `al` is undefined, and LibTorch's writer refuses that
  all["lbfgs"] = optimizer<LBFGS, LBFGSOptions, LBFGSParamState>(LBFGSOptions(0.5).max_iter(1), nullptr, 1);
  all["lbfgs-wolfe"] = optimizer<LBFGS, LBFGSOptions, LBFGSParamState>(
      LBFGSOptions(1).max_iter(4).max_eval(9).history_size(2).line_search_fn("strong_wolfe"), nullptr, 2);
  return all;
}

int main(int count, char** words) {
  try {
    const std::string mode = count > 2 ? words[1] : "";
    auto all = kinds();
    if (mode == "write") {
      for (auto& [name, kind] : all) {
        const std::string path = std::string(words[2]) + "/" + name;
        std::ofstream(path + ".txt", std::ios::binary) << kind.write(path + ".pt");
      }
      return 0;
    }
    // pairs of a kind and a file; after each answer comes a form feed
    if (mode == "read" && count % 2 == 0) {
      for (int i = 2; i + 1 < count; i += 2) std::cout << all.at(words[i]).read(words[i + 1]) << "\n\n\f\n";
      return 0;
    }
    std::cerr << "archive write FOLDER | archive read KIND FILE [KIND FILE ...]\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
