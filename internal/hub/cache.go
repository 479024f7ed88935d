package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/nearest"
)

// Released names the models that Owner has released: Walrus, and what was made of it by fine-tuning.
var Released = []string{
	"walrus", "walrus_ft_CE-RM", "walrus_ft_CNS3D_128_Rand", "walrus_ft_CNS3D_64_Turb", "walrus_ft_bubbleML_poolBoil",
	"walrus_ft_convective_envelope_rsg", "walrus_ft_flowbench_skelenton", "walrus_ft_pdearena_ins", "walrus_ft_post_neutron_star_merger",
}

// Hint asks whether the name of a released model was meant that is near to this one; empty if none is.
func Hint(name string) string {
	if slices.Contains(Released, name) {
		return ""
	}
	return nearest.Hint(name, Released)
}

// CacheFolder is where the programs of the hub keep what they fetched: HF_HUB_CACHE, or hub in HF_HOME
// (default ~/.cache/huggingface). In it a repository's folder has
//
//	blobs/HASH               the files' contents, named by the hash that the hub gives
//	snapshots/COMMIT/PATH    links to them, under the files' own paths
//	refs/main                the commit that the branch was when it was fetched
func CacheFolder() string {
	if folder := os.Getenv("HF_HUB_CACHE"); folder != "" {
		return folder
	}
	return filepath.Join(home(), "hub")
}

// cached is the repository's folder in the cache.
func (r Repository) cached() string {
	return filepath.Join(CacheFolder(), string(r.Kind)+"--"+strings.ReplaceAll(r.fullName(), "/", "--"))
}

// Cached finds the files of a model that was fetched, by this program or another: the folder of its newest snapshot. The error
// is fs.ErrNotExist where there is none.
func Cached(name string) (string, error) {
	r := Repository{Kind: Models, Name: name}
	if err := r.check(); err != nil {
		return "", errors.Join(err, fs.ErrNotExist)
	}
	ref, err := os.ReadFile(filepath.Join(r.cached(), "refs", mainBranch))
	commit := strings.TrimSpace(string(ref))
	if err == nil && !validCommit.MatchString(commit) {
		return "", fmt.Errorf("hub: %s: %.60q; expected a commit of 40 hexadecimal digits", filepath.Join(r.cached(), "refs", mainBranch), ref)
	}
	folder := filepath.Join(r.cached(), "snapshots", commit)
	if err == nil {
		_, err = os.Stat(folder)
	}
	if err != nil {
		return "", fmt.Errorf("hub: %w", err)
	}
	return folder, nil
}

// Store fetches files of a model into the cache. r names the commit (Client.Pin). The snapshot and the branch appear when all
// files are there and right. progress may be nil; the snapshot's folder comes back.
func (c *Client) Store(ctx context.Context, r Repository, files []File, verify bool, progress Progress) (string, error) {
	if !validCommit.MatchString(r.Revision) {
		return "", fmt.Errorf("hub: %s: revision %q; expected a commit", r.fullName(), r.Revision)
	}
	for _, f := range files {
		if err := c.downloadTo(ctx, r, f, filepath.Join(r.cached(), "blobs", f.blob()), verify, progress); err != nil {
			return "", err
		}
	}
	snapshot := filepath.Join(r.cached(), "snapshots", r.Revision)
	for _, f := range files {
		if err := link(snapshot, f); err != nil {
			return "", fmt.Errorf("hub: %w", err)
		}
	}
	ref := filepath.Join(r.cached(), "refs", mainBranch)
	if err := os.MkdirAll(filepath.Dir(ref), 0o777); err != nil {
		return "", fmt.Errorf("hub: %w", err)
	}
	file, err := atomicfile.Create(ref)
	if err != nil {
		return "", err
	}
	defer file.Discard()
	if _, err := file.Write([]byte(r.Revision)); err != nil {
		return "", fmt.Errorf("hub: %w", err)
	}
	return snapshot, file.Commit()
}

// blob is the name of the file's content in the cache.
func (f File) blob() string { return f.SHA256 + f.Git } // one of them is empty

// link gives a blob its name in the snapshot. The link is relative, so that the cache can be moved.
func link(snapshot string, f File) error {
	name := filepath.Join(snapshot, filepath.FromSlash(f.Path))
	up := strings.Repeat("../", 2+strings.Count(f.Path, "/"))
	target := filepath.FromSlash(up + "blobs/" + f.blob())
	if existing, err := os.Readlink(name); err == nil && existing == target {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(target, name)
}

// SelectModel leaves out weights in formats that execute code or are slow to read (.pt, .bin and their like) where the
// repository has the same as .safetensors.
func SelectModel(files []File) []File {
	extensions := func(wanted ...string) func(File) bool {
		return func(f File) bool { return slices.Contains(wanted, strings.ToLower(path.Ext(f.Path))) }
	}
	if !slices.ContainsFunc(files, extensions(".safetensors")) {
		return files
	}
	return slices.DeleteFunc(slices.Clone(files), extensions(".pt", ".pth", ".bin", ".ckpt"))
}
