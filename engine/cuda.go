package engine

import (
	"fmt"
	"path/filepath"
	"strings"
)

// driverLibrary is the library of NVIDIA's driver, by the part of the name before ".so".
const driverLibrary = "libcuda"

// cudaLibraries are what CUDA's plugin opens by name once it runs, by the part of the name before ".so".
var cudaLibraries = []string{"libcudart", "libcublas", "libcublasLt", "libcudnn", "libcufft", "libcusolver", "libcusparse", "libnvJitLink", "libcupti"}

// cudaSearch says where a machine keeps libraries; what it takes from the machine can be replaced in tests.
type cudaSearch struct {
	libraryPath string   // $LD_LIBRARY_PATH
	folders     []string // patterns of the system's folders
}

// missing names what a CUDA plugin will not find, with what to install; "" if everything is there or the plugin is another.
func (s cudaSearch) missing(plugin string) string {
	if !isCUDA(plugin) {
		return ""
	}
	if len(s.files(plugin, driverLibrary)) == 0 {
		return "libcuda.so.1 is missing: install NVIDIA's driver, or start the container with its GPUs"
	}
	var missing []string
	for _, library := range cudaLibraries {
		if len(s.files(plugin, library)) == 0 {
			missing = append(missing, library)
		}
	}
	if cudaData(plugin) == "" && !exists("/usr/local/cuda*/nvvm/libdevice") {
		missing = append(missing, "libdevice (of nvidia-nvvm or nvidia-cuda-nvcc)")
	}
	if len(missing) == 0 {
		return ""
	}
	return fmt.Sprintf("missing of CUDA: %s; `pip install 'jax[%s]'` puts all of it beside the plugin, or name its folders in $LD_LIBRARY_PATH",
		strings.Join(missing, ", "), cudaVersion(plugin))
}

// files are all versions of a library that a plugin may take, those of NVIDIA's packages beside it too.
func (s cudaSearch) files(plugin, library string) []string {
	folders := append(filepath.SplitList(s.libraryPath), s.folders...)
	for _, up := range []string{"..", filepath.Join("..", "..")} {
		folders = append(folders, filepath.Join(filepath.Dir(plugin), up, "nvidia", "*", "lib"))
	}
	var files []string
	for _, folder := range folders {
		if folder != "" {
			found, _ := filepath.Glob(filepath.Join(folder, library+".so*"))
			files = append(files, found...)
		}
	}
	return files
}

// made are the files that a compiled program depends on: the plugin's and those of CUDA's libraries.
func (s cudaSearch) made(plugin string) []string {
	files := []string{plugin}
	if !isCUDA(plugin) {
		return files
	}
	for _, library := range append([]string{driverLibrary}, cudaLibraries...) {
		files = append(files, s.files(plugin, library)...)
	}
	return files
}

// exists reports whether something matches a pattern.
func exists(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

// cudaVersion is the extra of the package jax that a plugin belongs to.
func cudaVersion(plugin string) string {
	if strings.Contains(plugin, "cuda12") {
		return "cuda12"
	}
	return "cuda13"
}
