#include "models/nn/tensor_io.h"

#include <cstring>

#include "core/error.h"
#include "core/io/safetensors_writer.h"

namespace frugal {
namespace {

struct TypePair {
  at::ScalarType torch;
  io::DType file;
};
constexpr TypePair kTypes[] = {{at::kFloat, io::DType::kF32}, {at::kDouble, io::DType::kF64},
                               {at::kHalf, io::DType::kF16},  {at::kBFloat16, io::DType::kBF16},
                               {at::kLong, io::DType::kI64},  {at::kInt, io::DType::kI32},
                               {at::kBool, io::DType::kBool}, {at::kByte, io::DType::kU8}};

io::DType file_type(const NamedTensor& tensor) {
  for (const TypePair& pair : kTypes)
    if (pair.torch == tensor.value.scalar_type()) return pair.file;
  throw Error(ErrorKind::kRunFailed, "unsupported_dtype", cat("cannot store type ", tensor.value.scalar_type()),
              tensor.name);
}

at::Tensor to_torch(const io::TensorEntry& entry) {
  for (const TypePair& pair : kTypes)
    if (pair.file == entry.dtype) {
      at::Tensor tensor = at::empty(entry.shape, pair.torch);
      if (!entry.bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), entry.bytes.data(), entry.bytes.size());
      return tensor;
    }
  throw Error(ErrorKind::kBadData, "unsupported_dtype", cat("cannot load type ", io::dtype_name(entry.dtype)),
              entry.name);
}

}  // namespace

void save_tensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors) {
  std::vector<at::Tensor> held;  // keeps the bytes alive while they are written
  std::vector<io::TensorToWrite> out;
  for (const NamedTensor& tensor : tensors) {
    held.push_back(tensor.value.detach().to(at::kCPU).contiguous());
    const auto* bytes = static_cast<const std::byte*>(held.back().const_data_ptr());
    out.push_back({.name = tensor.name,
                   .dtype = file_type(tensor),
                   .shape = held.back().sizes().vec(),
                   .bytes = {bytes, held.back().nbytes()}});
  }
  io::write_safetensors(path, std::move(out), {{"format", "pt"}});
}

std::vector<NamedTensor> load_tensors(const std::filesystem::path& path, const std::vector<std::string>& names) {
  const io::SafetensorsFile file = io::SafetensorsFile::open(path);
  std::vector<NamedTensor> out;
  for (const std::string& name : names) {
    const io::TensorEntry* entry = file.find(name);
    if (entry == nullptr)
      throw Error(ErrorKind::kBadData, "missing_tensor", cat("tensor '", name, "' is missing"), path.string());
    out.push_back({name, to_torch(*entry)});
  }
  return out;
}

}  // namespace frugal
