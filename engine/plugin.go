package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DefaultPlugin is the XLA plugin that is looked for when none is named.
const DefaultPlugin = "cuda"

// pluginPathVariable names the environment variable with the folders of PJRT plugins, separated as in PATH.
const pluginPathVariable = "PJRT_PLUGIN_LIBRARY_PATH"

// xlaOptions is what the configuration of the engine xla says after its name: "plugin[,option[=value]...]".
type xlaOptions struct {
	plugin string   // a name, or a path
	rest   []string // for XLA, in its own syntax
	cache  string   // folder of what compiling a program again would need; "" for none
}

// parseXLA reads the configuration. Right numbers and memory that others can use come first: tf32 and preallocation are
// off unless the configuration asks for them.
func parseXLA(text string) (xlaOptions, error) {
	parts := strings.Split(text, ",")
	o := xlaOptions{plugin: strings.TrimSpace(parts[0])}
	if o.plugin == "" {
		o.plugin = DefaultPlugin
	}
	if isCUDA(o.plugin) { // programs for a CPU are for one kind of it, and a home may be on many machines
		o.cache = defaultCache()
	}
	given := map[string]bool{}
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		name := key
		if slices.Contains(xlaSwitches, strings.TrimPrefix(key, "no")) {
			name = strings.TrimPrefix(key, "no")
		}
		switch {
		case key == "cache" && value != "":
			o.cache = value
		case part == "nocache":
			o.cache, name = "", "cache"
		case slices.Contains(xlaSwitches, name), slices.Contains(xlaSettings, name) && value != "":
			o.rest = append(o.rest, part)
		default:
			return o, fmt.Errorf("option %q; expected one of %s (each on or off), or %s or cache with a value, or nocache",
				part, strings.Join(xlaSwitches, ", "), strings.Join(xlaSettings, ", "))
		}
		if given[name] {
			return o, fmt.Errorf("option %s is given twice", name)
		}
		given[name] = true
	}
	if !given["tf32"] {
		o.rest = append(o.rest, "tf32=false")
	}
	return o, nil
}

// The options that the XLA backend knows; the switches may stand alone or with "no" before them.
var (
	xlaSwitches = []string{"tf32", "preallocate", "use_tfrt_gpu_client"}
	xlaSettings = []string{"memory_fraction", "allocator", "visible_devices"}
)

// has reports whether an option was given.
func (o xlaOptions) has(name string) bool {
	return slices.ContainsFunc(o.rest, func(part string) bool {
		key, _, _ := strings.Cut(part, "=")
		return key == name || key == "no"+name
	})
}

// usesPools reports whether memory comes from the pools of CUDA's driver, which take what is needed; XLA's own allocator takes
// powers of two, up to twice as much. It is left to XLA where the size of its pool is given.
func (o xlaOptions) usesPools(file string, hasPools func() bool) bool {
	return isCUDA(file) && !o.has("allocator") && !o.has("preallocate") && !o.has("memory_fraction") && hasPools()
}

// backendConfig is the configuration of the XLA backend for the plugin in a file.
func (o xlaOptions) backendConfig(file string, pools bool) string {
	config := append([]string{file}, o.rest...)
	if isCUDA(file) && !o.has("preallocate") {
		config = append(config, "preallocate=false")
	}
	if pools {
		config = append(config, "allocator=cuda_async")
	}
	// A run is not waited for: the host must not share the memory that it may still read.
	config = append(config, "shared_buffers=false")
	return strings.Join(config, ",")
}

// ChoosesGPUs reports whether an engine of a configuration takes visible_devices, as NVIDIA's plugin does. Others refuse the option.
func ChoosesGPUs(config string) bool {
	_, options, _ := strings.Cut(config, ":")
	o, err := parseXLA(options)
	return IsXLA(config) && err == nil && isCUDA(o.plugin)
}

// isCUDA reports whether a plugin's path is that of NVIDIA's, by the same rule as the XLA backend.
func isCUDA(path string) bool { return strings.Contains(strings.ToUpper(path), "CUDA") }

// pluginSearch finds plugins; what it takes from the machine can be replaced in tests. No program is run and nothing is
// downloaded.
type pluginSearch struct {
	environment func(name string) string
	home        string   // the user's folder; "" if unknown
	folders     []string // of the system
}

// missingPlugin is the error of a search that found nothing.
type missingPlugin struct {
	name   string
	looked []string
}

// Error says what to install, and where the search looked.
func (m *missingPlugin) Error() string {
	advice := fmt.Sprintf("put pjrt_c_api_%s_plugin.so into a folder of $%s", m.name, pluginPathVariable)
	if packages := pythonPackages(m.name); len(packages) > 0 {
		advice = fmt.Sprintf("install it with `pip install %s`, or give its file as xla:/path/to/plugin.so", packages[0].install)
	}
	return fmt.Sprintf("no XLA plugin %q found; %s; looked for %s", m.name, advice, strings.Join(m.looked, ", "))
}

// find returns the absolute path of a plugin's file. name is a plugin's name ("cuda", "cpu") or a path.
func (s pluginSearch) find(name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".so") {
		return pluginFile(name)
	}
	if strings.ContainsAny(name, `*?[\`) {
		return "", fmt.Errorf("plugin name %q; expected a name like %s, or a path", name, DefaultPlugin)
	}
	missing := &missingPlugin{name: name}
	for _, pattern := range s.patterns(name) {
		missing.looked = append(missing.looked, pattern)
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			continue
		}
		// Several versions in one place are equally good; the last by name is a choice that does not change.
		if file, err := pluginFile(found[len(found)-1]); err == nil {
			return file, nil
		}
	}
	return "", missing
}

// pluginFile checks that a path leads to a file.
func pluginFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("no XLA plugin at %s", path)
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no file; expected a plugin (a shared library that exports GetPjrtApi)", path)
	case strings.Contains(path, ","):
		return "", fmt.Errorf("the plugin's path %q contains a comma, which the XLA backend takes for the end of it", path)
	}
	return path, nil
}

// pythonPackage is a plugin that comes as a package of Python.
type pythonPackage struct {
	install string // what to ask pip for
	file    string // below site-packages
}

// pythonPackages lists the packages that hold a plugin, the first choice first.
func pythonPackages(name string) []pythonPackage {
	cuda := func(version string) pythonPackage {
		return pythonPackage{"jax-cuda" + version + "-pjrt", filepath.Join("jax_plugins", "xla_cuda"+version, "xla_cuda_plugin.so")}
	}
	switch name {
	case "cuda":
		return []pythonPackage{cuda("13"), cuda("12")}
	case "cuda12", "cuda13":
		return []pythonPackage{cuda(strings.TrimPrefix(name, "cuda"))}
	case "tpu":
		return []pythonPackage{{"libtpu", filepath.Join("libtpu", "libtpu.so")}}
	}
	return nil
}

// patterns lists the places of a plugin in the order in which they are tried: the folders of plugins, then Python's.
func (s pluginSearch) patterns(name string) []string {
	var list []string
	for _, folder := range s.pluginFolders() {
		for _, base := range []string{"pjrt_c_api_" + name + "_plugin.so", "pjrt_c_api_" + name + "_v*_plugin.so", "pjrt[-_]plugin[-_]" + name + ".so"} {
			list = append(list, filepath.Join(folder, base))
		}
	}
	for _, packaged := range pythonPackages(name) {
		for _, packages := range s.sitePackages() {
			list = append(list, filepath.Join(packages, packaged.file))
		}
	}
	return list
}

// pluginFolders are those of the environment variable or, without it, the user's and the system's.
func (s pluginSearch) pluginFolders() []string {
	if folders := absolute(filepath.SplitList(s.environment(pluginPathVariable))); len(folders) > 0 {
		return folders
	}
	if s.home == "" {
		return s.folders
	}
	return append([]string{filepath.Join(s.home, ".local", "lib", "go-xla")}, s.folders...)
}

// sitePackages are patterns of the folders in which the Pythons at hand keep packages: that of the active virtual
// environment, those on PATH, and the user's own.
func (s pluginSearch) sitePackages() []string {
	list := absolute(filepath.SplitList(s.environment("PYTHONPATH")))
	prefixes := []string{s.environment("VIRTUAL_ENV"), s.environment("CONDA_PREFIX")}
	for _, folder := range filepath.SplitList(s.environment("PATH")) {
		python := filepath.Join(folder, "python3")
		if _, err := os.Stat(python); err != nil {
			continue
		}
		prefixes = append(prefixes, filepath.Dir(folder))
		if target, err := filepath.EvalSymlinks(python); err == nil {
			prefixes = append(prefixes, filepath.Dir(filepath.Dir(target)))
		}
	}
	for _, prefix := range absolute(prefixes) {
		list = append(list, filepath.Join(prefix, "lib", "python3*", "site-packages"),
			filepath.Join(prefix, "lib", "python3*", "dist-packages"), filepath.Join(prefix, "local", "lib", "python3*", "dist-packages"))
	}
	if s.home != "" {
		list = append(list, filepath.Join(s.home, ".local", "lib", "python3*", "site-packages"))
	}
	return unique(list)
}

// absolute keeps the absolute paths: a relative one would mean another folder wherever the program is started.
func absolute(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return !filepath.IsAbs(path) })
}

// unique drops what is in a list already.
func unique(list []string) []string {
	var kept []string
	for _, item := range list {
		if !slices.Contains(kept, item) {
			kept = append(kept, item)
		}
	}
	return kept
}

// cudaData is the folder with CUDA's device library and assembler that belongs to a plugin from a Python package, as
// NVIDIA's own packages install it beside the plugin; "" if there is none.
func cudaData(plugin string) string {
	packages := filepath.Dir(filepath.Dir(filepath.Dir(plugin)))
	for _, name := range []string{"cu13", "cuda_nvcc"} {
		folder := filepath.Join(packages, "nvidia", name)
		if _, err := os.Stat(filepath.Join(folder, "nvvm", "libdevice")); err == nil {
			return folder
		}
	}
	return ""
}

// defaultCache is the folder for XLA in the user's caches; "" where the system has no such place.
func defaultCache() string {
	caches, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(caches, "walrus", "xla")
}

// xlaFlags adds to the flags that XLA reads from the environment, $XLA_FLAGS, what a plugin of CUDA needs and what makes it
// faster; flags that are there already win. known says whether the plugin knows a flag: it ends the process at one that it
// does not.
func (o xlaOptions) xlaFlags(existing, plugin string, known func(name string) bool) string {
	if !isCUDA(plugin) {
		return existing
	}
	flags := existing
	add := func(name, value string) {
		if !strings.Contains(existing, name) && known(name) {
			flags = strings.TrimSpace(flags + " --" + name + "=" + value)
		}
	}
	if data := cudaData(plugin); data != "" {
		add("xla_gpu_cuda_data_dir", data)
	}
	// Empty is none: a training step is slower with command buffers, which CUDA has to update for every step's new addresses.
	add("xla_gpu_enable_command_buffer", "")
	if o.cache != "" {
		add("xla_gpu_per_fusion_autotune_cache_dir", filepath.Join(o.cache, "autotune"))
	}
	return flags
}

// flagsIn returns whether a plugin knows a flag: whether its name is a string of C in the plugin's file. Settings that are no
// flags are there too, but not with a zero at the end.
func flagsIn(plugin string) (func(name string) bool, error) {
	names := []string{"xla_gpu_cuda_data_dir", "xla_gpu_enable_command_buffer", "xla_gpu_per_fusion_autotune_cache_dir"}
	file, err := os.Open(plugin)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found := map[string]bool{}
	const overlap = 64 // more than the longest name
	buffer := make([]byte, 1<<20)
	for kept := 0; len(found) < len(names); {
		n, err := file.Read(buffer[kept:])
		for _, name := range names {
			if !found[name] && bytes.Contains(buffer[:kept+n], []byte(name+"\x00")) {
				found[name] = true
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		tail := min(overlap, kept+n)
		copy(buffer, buffer[kept+n-tail:kept+n])
		kept = tail
	}
	return func(name string) bool { return found[name] }, nil
}
