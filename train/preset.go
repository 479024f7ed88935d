package train

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/internal/nearest"
	"github.com/gowalrus/walrus/internal/yamltext"
	"github.com/gowalrus/walrus/well"
)

// presetFiles are configurations to start from: one of the paper's pretraining, one of what all fine-tuning shares, and one a
// released fine-tuned model.
//
//go:embed presets/*.yaml
var presetFiles embed.FS

const presetFolder = "presets"

// Presets lists the names of the configurations to start from.
func Presets() []string {
	entries, err := presetFiles.ReadDir(presetFolder)
	if err != nil { // they are part of the program
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// presetText is the file of a preset.
func presetText(name string) ([]byte, error) {
	if !slices.Contains(Presets(), name) {
		return nil, fmt.Errorf("train: preset %q%s; there are %s", name, nearest.Hint(name, Presets()), strings.Join(Presets(), ", "))
	}
	return presetFiles.ReadFile(path.Join(presetFolder, name+".yaml"))
}

// AboutPreset is what a preset's file says about it, in lines without comment signs.
func AboutPreset(name string) ([]string, error) {
	text, err := presetText(name)
	if err != nil {
		return nil, err
	}
	var about []string
	for line := range strings.Lines(string(text)) {
		comment, isComment := strings.CutPrefix(line, "#")
		if !isComment {
			break
		}
		about = append(about, strings.TrimSpace(comment))
	}
	return about, nil
}

// presetTree is what a preset says, with what it starts from itself below.
func presetTree(name string) (map[string]any, error) {
	if name == "" {
		return map[string]any{}, nil
	}
	text, err := presetText(name)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := yamltext.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("train: preset %s: %w", name, err)
	}
	return onPreset(tree, "")
}

// onPreset puts a tree of keys over the preset that it names, or over the given one.
func onPreset(tree map[string]any, name string) (map[string]any, error) {
	if own, named := tree[presetKey]; named {
		text, isText := own.(string)
		if !isText || name != "" && name != text {
			return nil, fmt.Errorf("train: the configuration starts from preset %v, the command line from %q; name one of them", own, name)
		}
		name = text
	}
	base, err := presetTree(name)
	if err != nil {
		return nil, err
	}
	over := maps.Clone(tree)
	delete(over, presetKey)
	return merge(base, over), nil
}

// presetKey names the preset that a configuration starts from.
const presetKey = "preset"

// supersedes has keys that say the same in another way: one that is set later takes away what the other was set to before, as
// schedule.steps_per_epoch on the command line the batches_per_epoch of a preset.
var supersedes = map[string]string{"steps_per_epoch": "batches_per_epoch"}

// merge puts the keys of one tree over those of another, maps key by key and anything else whole. A key without a value takes
// what lies below away, but for the sections of a configuration, which may be left empty.
func merge(below, over map[string]any) map[string]any {
	merged := maps.Clone(below)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, value := range over {
		if other := supersedes[key]; over[other] == nil {
			delete(merged, other)
		}
		lower, isMap := merged[key].(map[string]any)
		upper, alike := value.(map[string]any)
		if isMap && alike {
			value = merge(lower, upper)
		}
		merged[key] = value
	}
	return merged
}

// settleSets gives every data set of a tree of keys what data.known_sets has for its folder and data.set_defaults for all; what
// the set says itself wins. Both are gone afterwards.
func settleSets(tree map[string]any) map[string]any {
	data, _ := tree["data"].(map[string]any)
	if data == nil {
		return tree
	}
	defaults, _ := data["set_defaults"].(map[string]any)
	known, _ := data["known_sets"].(map[string]any)
	settled := maps.Clone(data)
	delete(settled, "set_defaults")
	delete(settled, "known_sets")
	if sets, isList := data["sets"].([]any); isList {
		list := make([]any, len(sets))
		for i, entry := range sets {
			list[i] = entry
			set, isMap := entry.(map[string]any)
			path, _ := set["path"].(string)
			if !isMap || path == "" {
				continue
			}
			own, _ := known[well.FolderOf(path)].(map[string]any)
			list[i] = merge(merge(defaults, own), set)
		}
		settled["sets"] = list
	}
	whole := maps.Clone(tree)
	whole["data"] = settled
	return whole
}
