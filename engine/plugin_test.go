package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// place writes an empty file and the folders above it.
func place(t *testing.T, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o777); err != nil {
		t.Fatal(err)
	}
	return path
}

// searchIn looks with the given environment below a folder.
func searchIn(root string, environment map[string]string) pluginSearch {
	return pluginSearch{
		environment: func(name string) string { return environment[name] },
		home:        filepath.Join(root, "home"),
		folders:     []string{filepath.Join(root, "system")},
	}
}

func TestPluginsAreFoundInEveryDocumentedPlace(t *testing.T) {
	const cuda13, cuda12 = "jax_plugins/xla_cuda13/xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so"
	for _, c := range []struct {
		about, name string
		files       []string // the first is the one to find
		environment map[string]string
	}{
		{"the environment's folder", "cuda", []string{"plugins/pjrt_c_api_cuda_plugin.so", "system/pjrt_c_api_cuda_plugin.so"}, map[string]string{"PJRT_PLUGIN_LIBRARY_PATH": "ROOT/none:ROOT/plugins"}},
		{"the user's folder", "cuda", []string{"home/.local/lib/go-xla/pjrt_c_api_cuda_plugin.so", "system/pjrt_c_api_cuda_plugin.so"}, nil},
		{"the system's folder", "cpu", []string{"system/pjrt_c_api_cpu_v0.83.1_plugin.so"}, nil},
		{"a virtual environment that is active", "cuda", []string{"venv/lib/python3.12/site-packages/" + cuda13}, map[string]string{"VIRTUAL_ENV": "ROOT/venv"}},
		{"the newer of two plugins", "cuda", []string{"venv/lib/python3.12/site-packages/" + cuda13, "venv/lib/python3.12/site-packages/" + cuda12}, map[string]string{"VIRTUAL_ENV": "ROOT/venv"}},
		{"the older when asked for", "cuda12", []string{"venv/lib/python3.12/site-packages/" + cuda12, "venv/lib/python3.12/site-packages/" + cuda13}, map[string]string{"VIRTUAL_ENV": "ROOT/venv"}},
		{"a Python on PATH", "cuda", []string{"usr/local/lib/python3.12/dist-packages/" + cuda12, "usr/bin/python3"}, map[string]string{"PATH": "ROOT/empty:ROOT/usr/bin"}},
		{"the user's packages", "cuda", []string{"home/.local/lib/python3.11/site-packages/" + cuda13}, nil},
		{"PYTHONPATH", "cuda", []string{"site/" + cuda13}, map[string]string{"PYTHONPATH": "ROOT/site"}},
		{"a plugin for TPUs", "tpu", []string{"site/libtpu/libtpu.so"}, map[string]string{"PYTHONPATH": "ROOT/site"}},
	} {
		root := t.TempDir()
		for _, file := range c.files {
			place(t, root, file)
		}
		environment := map[string]string{}
		for name, value := range c.environment {
			environment[name] = strings.ReplaceAll(value, "ROOT", root)
		}
		want := filepath.Join(root, c.files[0])
		if got, err := searchIn(root, environment).find(c.name); err != nil || got != want {
			t.Errorf("%s: found %q, %v; want %q", c.about, got, err, want)
		}
	}
}

func TestAMissingPluginSaysWhatToInstallAndWhereItLooked(t *testing.T) {
	root := t.TempDir()
	_, err := searchIn(root, map[string]string{"VIRTUAL_ENV": root + "/venv"}).find("cuda")
	var missing *missingPlugin
	if !errors.As(err, &missing) {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{"pip install jax-cuda13-pjrt", root + "/system/pjrt_c_api_cuda_plugin.so", root + "/venv/lib/python3*/site-packages/jax_plugins/xla_cuda12"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in the error: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has more than one line: %v", err)
	}
	for _, name := range []string{root + "/none.so", root, "cu*", "[", "./no"} {
		if file, err := searchIn(root, nil).find(name); err == nil {
			t.Errorf("%q was accepted as %q", name, file)
		}
	}
}

func TestAPluginCanBeGivenByItsPath(t *testing.T) {
	root := t.TempDir()
	want := place(t, root, "my_cuda.so")
	if got, err := searchIn(root, nil).find(want); err != nil || got != want {
		t.Errorf("found %q, %v; want %q", got, err, want)
	}
	if _, err := searchIn(root, nil).find(place(t, root, "a,b.so")); err == nil {
		t.Error("a path with a comma, which would end the plugin's name, was accepted")
	}
}

func TestXLAStartsWithRightNumbersAndWithoutPreallocation(t *testing.T) {
	has := func() bool { return true }
	for _, c := range []struct{ config, file, want string }{
		{"", "/p/cuda.so", "/p/cuda.so,tf32=false,preallocate=false,allocator=cuda_async,shared_buffers=false"},
		{"cuda", "/p/cuda.so", "/p/cuda.so,tf32=false,preallocate=false,allocator=cuda_async,shared_buffers=false"},
		{"cuda,tf32", "/p/cuda.so", "/p/cuda.so,tf32,preallocate=false,allocator=cuda_async,shared_buffers=false"},
		{"cuda,notf32,preallocate=true,memory_fraction=0.9", "/p/cuda.so", "/p/cuda.so,notf32,preallocate=true,memory_fraction=0.9,shared_buffers=false"},
		{"cuda,cache=/tmp/c,visible_devices=0;1", "/p/cuda.so", "/p/cuda.so,visible_devices=0;1,tf32=false,preallocate=false,allocator=cuda_async,shared_buffers=false"},
		{"cuda,memory_fraction=0.9", "/p/cuda.so", "/p/cuda.so,memory_fraction=0.9,tf32=false,preallocate=false,shared_buffers=false"},
		{"cuda,allocator=bfc", "/p/cuda.so", "/p/cuda.so,allocator=bfc,tf32=false,preallocate=false,shared_buffers=false"},
		{"cpu", "/p/cpu.so", "/p/cpu.so,tf32=false,shared_buffers=false"},
	} {
		o, err := parseXLA(c.config)
		if err != nil {
			t.Errorf("%q: %v", c.config, err)
		}
		if got := o.backendConfig(c.file, o.usesPools(c.file, has)); got != c.want {
			t.Errorf("%q: configuration %q, want %q", c.config, got, c.want)
		}
	}
	if (xlaOptions{}).usesPools("/p/cuda.so", func() bool { return false }) {
		t.Error("pools are used that the driver does not have")
	}
	for _, wrong := range []string{"cuda,fast", "cuda,tf32,notf32", "cuda,allocator", "cuda,", "cuda,cache="} {
		if o, err := parseXLA(wrong); err == nil {
			t.Errorf("%q was accepted as %+v", wrong, o)
		}
	}
}

func TestOnlyNVIDIAsPluginIsToldWhichDevices(t *testing.T) {
	for config, want := range map[string]bool{
		"xla": true, "xla:cuda": true, "xla:cuda12,tf32": true, "xla:/p/xla_cuda_plugin.so": true,
		"xla:cpu": false, "xla:tpu": false, "xla:/p/pjrt_c_api_cpu_plugin.so": false, "xla:cuda,unknown": false, "cpu:devices=2": false, "": false, "cuda": false,
	} {
		if got := ChoosesGPUs(config); got != want {
			t.Errorf("%q: %v, want %v", config, got, want)
		}
	}
}

func TestXLAFlagsKeepWhatIsThere(t *testing.T) {
	root := t.TempDir()
	plugin := place(t, root, "jax_plugins", "xla_cuda12", "xla_cuda_plugin.so")
	place(t, root, "nvidia", "cuda_nvcc", "nvvm", "libdevice", "libdevice.10.bc")
	data := "--xla_gpu_cuda_data_dir=" + filepath.Join(root, "nvidia", "cuda_nvcc")
	all := func(string) bool { return true }
	o := xlaOptions{cache: "/c"}
	want := "--a=1 " + data + " --xla_gpu_enable_command_buffer= --xla_gpu_per_fusion_autotune_cache_dir=/c/autotune"
	if got := o.xlaFlags("--a=1", plugin, all); got != want {
		t.Errorf("flags %q, want %q", got, want)
	}
	mine := "--xla_gpu_cuda_data_dir=/mine --xla_gpu_enable_command_buffer=FUSION"
	if got := (xlaOptions{}).xlaFlags(mine, plugin, all); got != mine {
		t.Errorf("flags %q, want %q", got, mine)
	}
	if got := o.xlaFlags("", "/elsewhere/cpu.so", all); got != "" {
		t.Errorf("flags of a plugin for CPUs: %q", got)
	}
}

func TestOnlyFlagsThatAPluginKnowsAreSet(t *testing.T) {
	plugin := filepath.Join(t.TempDir(), "cuda.so")
	const name = "xla_gpu_enable_command_buffer"
	for _, at := range []int{0, 1<<20 - 5, 3 << 20} { // also across the ends of what is read at once
		setting := "xla_gpu_per_fusion_autotune_cache_dir\x18" // as a description of settings has it
		content := append(append(make([]byte, at), name...), "\x00"+setting...)
		if err := os.WriteFile(plugin, append(content, make([]byte, 100)...), 0o666); err != nil {
			t.Fatal(err)
		}
		known, err := flagsIn(plugin)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := (xlaOptions{cache: "/c"}).xlaFlags("", plugin, known), "--"+name+"="; got != want {
			t.Errorf("with the name at %d: flags %q, want %q", at, got, want)
		}
	}
}

func TestCachesAreKeptUnlessToldOtherwise(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/caches")
	t.Setenv("HOME", "/home/somebody")
	for config, want := range map[string]string{"cuda": defaultCache(), "cuda,cache=/tmp/c": "/tmp/c", "cuda,nocache": "", "cpu": "", "cpu,cache=/tmp/c": "/tmp/c"} {
		if o, err := parseXLA(config); err != nil || o.cache != want {
			t.Errorf("%s: cache %q, %v; want %q", config, o.cache, err, want)
		}
	}
	if !strings.HasSuffix(defaultCache(), filepath.Join("walrus", "xla")) {
		t.Errorf("the default cache is %q", defaultCache())
	}
}
