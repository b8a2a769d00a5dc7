// What LibTorch alone takes for a step, called from C++ without a layer of any language above it: no binding can take
// less. `npm run bench -- --floor` compiles it and puts it in Node's place. The trials and the protocol of trials.ts.
#include <ATen/ATen.h>
#include <torch/csrc/api/include/torch/nn/modules/linear.h>
#include <torch/csrc/api/include/torch/nn/modules/rnn.h>
#include <torch/csrc/api/include/torch/utils.h>

#include <sys/resource.h>

#include <cmath>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

using at::Tensor;
using Call = std::function<void()>;

namespace {

/** A step of SGD on the mean square of what `forward` gives. */
Call square(std::vector<Tensor> parameters, std::function<Tensor()> forward) {
  return [parameters, forward] {
    for (auto p : parameters) p.mutable_grad() = Tensor();
    forward().pow(2).mean().backward();
    const torch::NoGradGuard no_grad;
    for (auto p : parameters) p.add_(p.grad(), -0.01);
  };
}

Call mlp() {
  torch::nn::Linear one(10, 32), two(32, 32), three(32, 1);
  std::vector<Tensor> parameters;
  for (auto& layer : {one, two, three}) parameters.insert(parameters.end(), {layer->weight, layer->bias});
  auto x = at::randn({64, 10}), y = at::randn({64, 1});
  return [=]() mutable {
    for (auto p : parameters) p.mutable_grad() = Tensor();
    at::mse_loss(three(two(one(x).relu()).relu()), y).backward();
    const torch::NoGradGuard no_grad;
    for (auto p : parameters) p.add_(p.grad(), -0.01);
  };
}

Call lstm() {
  torch::nn::LSTM model(32, 64);
  auto x = at::randn({20, 16, 32});
  return square(model->parameters(), [=]() mutable { return std::get<0>(model(x)); });
}

/** The operators that TransformerEncoderLayer(64, 4, 128) calls in Python where attention weights are not asked for. */
Call transformer_layer() {
  const int64_t steps = 20, batch = 16, size = 64, heads = 4, inner = 128;
  torch::nn::Linear first(size, inner), second(inner, size), out(size, size);
  auto parameter = [](Tensor t) { return t.requires_grad_(); };
  auto in_weight = parameter(at::randn({3 * size, size}) / 8), in_bias = parameter(at::zeros({3 * size}));
  auto norm1 = parameter(at::ones({size})), bias1 = parameter(at::zeros({size}));
  auto norm2 = parameter(at::ones({size})), bias2 = parameter(at::zeros({size}));
  std::vector<Tensor> parameters{in_weight,     in_bias,        out->weight,  out->bias, first->weight, first->bias,
                                 second->weight, second->bias, norm1, bias1,        norm2,     bias2};
  auto x = at::randn({steps, batch, size});
  return square(parameters, [=]() mutable {
    auto packed = at::linear(x, in_weight, in_bias).unflatten(-1, {3, size}).unsqueeze(0).transpose(0, -2).squeeze(-2);
    packed = packed.contiguous();
    auto head = [&](int64_t i) {
      return packed[i].view({steps, batch * heads, size / heads}).transpose(0, 1).view({batch, heads, steps, size / heads});
    };
    auto attended = at::scaled_dot_product_attention(head(0), head(1), head(2), {}, 0.1);
    attended = out(attended.permute({2, 0, 1, 3}).contiguous().view({batch * steps, size})).view({steps, batch, size});
    auto y = at::layer_norm(x + at::dropout(attended, 0.1, true), {size}, norm1, bias1);
    auto fed = second(at::dropout(first(y).relu(), 0.1, true));
    return at::layer_norm(y + at::dropout(fed, 0.1, true), {size}, norm2, bias2);
  });
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Trial {
  Call call;
  int64_t calls = 1;
};

/** Nanoseconds of one call. How many calls take that long is found once. */
double measure(Trial& trial, double seconds) {
  for (;; trial.calls *= 2) {
    const double start = cpu_seconds();
    for (int64_t i = 0; i < trial.calls; i++) trial.call();
    const double taken = cpu_seconds() - start;
    if (taken >= seconds / 2) return taken * 1e9 / double(trial.calls);
  }
}

}  // namespace

int main() {
  at::set_num_threads(1);
  const std::map<std::string, Call (*)()> makers{
      {"mlp sgd", mlp}, {"lstm", lstm}, {"transformer layer", transformer_layer}};
  std::map<std::string, Trial> trials;
  for (std::string line; std::getline(std::cin, line);) {
    const auto tab = line.find('\t');
    const auto name = line.substr(0, tab);
    if (!makers.count(name)) {
      std::cout << "none\tthe program in C++ has no such trial" << std::endl;
      continue;
    }
    if (!trials.count(name)) trials[name] = {makers.at(name)()};
    std::cout << measure(trials[name], std::stod(line.substr(tab + 1))) << std::endl;
  }
}
