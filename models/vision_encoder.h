// Image encoders (SigLIP, DeiT), also frame by frame on a stream.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/model.h"

namespace frugal {

struct VisionEncoderConfig {
  int64_t layers = 0, hidden_size = 0, image_size = 0, patch_size = 0, tokens = 0;  // tokens of one image
  int64_t labels = 0;                                                               // 0: no classification head
};

// Where in a stream the images of a call stand. Without a stream, stream is -1 and every image stands alone.
struct StreamContext {
  int64_t stream = -1;
  int64_t first_frame = 0;  // index of the first image of this call
};

struct VisionOutputs {
  at::Tensor last_hidden_state;  // [N,tokens,d]
  at::Tensor logits;             // [N,labels]; undefined without a head
};

class VisionEncoder : public Model {
 public:
  using Model::Model;
  virtual const VisionEncoderConfig& config() const = 0;
  // [N,3,H,W], normalised -> [N,tokens,d]
  virtual at::Tensor embed(const at::Tensor& pixel_values) = 0;
  // One layer on [N,tokens,d]; methods compute a part of the tokens and reuse the rest.
  virtual at::Tensor block(int64_t layer, const at::Tensor& hidden, const StreamContext& stream, const Pass& pass) = 0;
  virtual VisionOutputs forward(const at::Tensor& pixel_values, const StreamContext& stream, const Pass& pass) = 0;
};

}  // namespace frugal
