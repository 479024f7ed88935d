package engine

import (
	"fmt"
	"path/filepath"
	"strings"
)

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
	folders := append(filepath.SplitList(s.libraryPath), s.folders...)
	if !s.has(folders, "libcuda") {
		return "libcuda.so.1 is missing: install NVIDIA's driver, or start the container with its GPUs"
	}
	// Where the plugin itself looks: NVIDIA's packages beside it.
	for _, up := range []string{"..", filepath.Join("..", "..")} {
		beside := filepath.Join(filepath.Dir(plugin), up, "nvidia")
		folders = append(folders, filepath.Join(beside, "*", "lib"))
	}
	var missing []string
	for _, library := range cudaLibraries {
		if !s.has(folders, library) {
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

// has reports whether some version of a library is in one of the folders.
func (s cudaSearch) has(folders []string, library string) bool {
	for _, folder := range folders {
		if folder != "" && exists(filepath.Join(folder, library+".so*")) {
			return true
		}
	}
	return false
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
