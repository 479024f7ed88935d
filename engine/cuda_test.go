package engine

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsMissingOfCUDAIsNamed(t *testing.T) {
	root := t.TempDir()
	plugin := place(t, root, "jax_plugins", "xla_cuda12", "xla_cuda_plugin.so")
	s := cudaSearch{libraryPath: filepath.Join(root, "none") + string(filepath.ListSeparator), folders: []string{filepath.Join(root, "system*")}}
	if got := s.missing(plugin); !strings.Contains(got, "NVIDIA's driver") {
		t.Errorf("without a driver: %q", got)
	}
	place(t, root, "system64", "libcuda.so.1")
	for i, library := range cudaLibraries {
		got := s.missing(plugin)
		if !strings.Contains(got, library) || !strings.Contains(got, "jax[cuda12]") || i > 0 && strings.Contains(got, cudaLibraries[0]+",") {
			t.Errorf("before %s is there: %q", library, got)
		}
		place(t, root, "nvidia", "part", "lib", library+".so.9")
	}
	place(t, root, "nvidia", "cuda_nvcc", "nvvm", "libdevice", "libdevice.10.bc")
	if got := s.missing(plugin); got != "" {
		t.Errorf("with everything there: %q", got)
	}
	if made := s.made(plugin); len(made) != len(cudaLibraries)+2 || made[0] != plugin || !strings.HasSuffix(made[1], "libcuda.so.1") {
		t.Errorf("a program depends on %d files: %v", len(made), made)
	}
	if got := s.missing("/elsewhere/pjrt_c_api_cpu_plugin.so"); got != "" {
		t.Errorf("of a plugin for CPUs: %q", got)
	}
}
