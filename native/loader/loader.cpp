// The first of the two addons. It opens LibTorch's libraries with their symbols visible to everything loaded later, so
// that core.node, which has no rpath, finds them already in the process. It must link no LibTorch itself: it loads
// where none is.
#include <node_api.h>

#include <string>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace {

#ifdef _WIN32
// not tested yet
std::string open_library(const std::string& path) {
  std::wstring wide(MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), static_cast<int>(wide.size()));
  if (LoadLibraryExW(wide.c_str(), nullptr, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS))
    return "";
  char text[512] = "";
  const DWORD code = GetLastError();
  FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, code, 0, text, sizeof text,
                 nullptr);
  return path + ": " + text + " (" + std::to_string(code) + ")";
}
#else
std::string open_library(const std::string& path) {
  // The handle is not kept: the library stays for the life of the process, as core.node refers to it.
  // Lazily, as Node opens addons: LibTorch has 43,000 functions to look up, of which a program calls a few hundred.
  if (dlopen(path.c_str(), RTLD_LAZY | RTLD_GLOBAL)) return "";
  const char* message = dlerror();
  return message ? message : path + ": could not be opened";
}
#endif

bool text_of(napi_env env, napi_value value, std::string& text) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  text.resize(length + 1);
  napi_get_value_string_utf8(env, value, text.data(), text.size(), &length);
  text.resize(length);
  return true;
}

// open(path: string): void
napi_value open(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  std::string path;
  if (count < 1 || !text_of(env, argument, path)) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "open: expected a path");
    return nullptr;
  }
  const std::string error = open_library(path);
  if (!error.empty()) napi_throw_error(env, "ERR_DLOPEN_FAILED", error.c_str());
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function = nullptr;
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, open, nullptr, &function);
  napi_set_named_property(env, exports, "open", function);
  return exports;
}
