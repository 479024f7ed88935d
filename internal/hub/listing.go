package hub

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Owner is who publishes The Well and Walrus on the hub; a name without an owner is one of theirs.
const Owner = "polymathic-ai"

// DefaultEndpoint is the public hub.
const DefaultEndpoint = "https://huggingface.co"

// Kind is what a repository of the hub holds.
type Kind string

// The kinds, as the hub's addresses spell them.
const (
	Models   Kind = "models"
	Datasets Kind = "datasets"
)

// Repository is what the hub keeps under one name.
type Repository struct {
	Kind     Kind
	Name     string // "shear_flow", one of Owner's, or "owner/name"
	Revision string // branch or commit; empty is the branch main
}

// File is a file of a repository on the hub.
type File struct {
	Path   string // inside the repository: "data/train/x.hdf5"
	Size   int64
	SHA256 string // of large files
	Git    string // of small files: git's hash of the content
}

// entry is what the hub's listing says of a file.
type entry struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	OID  string `json:"oid"`
	LFS  *struct {
		OID  string `json:"oid"`
		Size int64  `json:"size"`
	} `json:"lfs"`
}

// Bounds of a listing, against a server that never ends.
const (
	longestListing = 1 << 26 // bytes of a page
	mostPages      = 1000
	largestFile    = 1 << 40 // bytes; the hub takes half of it
)

// mainBranch is the revision that is meant where none is named.
const mainBranch = "main"

// validName is a name that is safe in an address and as a folder.
var validName = regexp.MustCompile(`^(\w[\w.-]*/)?\w[\w.-]*$`)

// ValidName reports whether the hub could have something of this name.
func ValidName(name string) bool { return validName.MatchString(name) }

// check refuses names that are none.
func (r Repository) check() error {
	if !ValidName(r.Name) {
		return fmt.Errorf("hub: name %q; expected a name like shear_flow or walrus of %s, or owner/name", r.Name, Owner)
	}
	return nil
}

// fullName is owner/name.
func (r Repository) fullName() string {
	if strings.Contains(r.Name, "/") {
		return r.Name
	}
	return Owner + "/" + r.Name
}

// file is the address of a file's content.
func (r Repository) file(c *Client, name string) (string, error) {
	kind := string(r.Kind)
	if r.Kind == Models {
		kind = "" // their addresses begin with the owner
	}
	return c.address(kind, r.fullName(), "resolve", cmp.Or(r.Revision, mainBranch), name)
}

// List asks the hub for all files of a repository.
func (c *Client) List(ctx context.Context, r Repository) ([]File, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	next, err := c.address("api", string(r.Kind), r.fullName(), "tree", cmp.Or(r.Revision, mainBranch))
	if err != nil {
		return nil, err
	}
	next += "?recursive=true"
	var files []File
	for page := 0; next != ""; page++ {
		if page == mostPages {
			return nil, fmt.Errorf("hub: %s: the listing has more than %d pages", r.fullName(), mostPages)
		}
		var entries []entry
		if err := c.askJSON(ctx, next, &entries, &next); err != nil {
			return nil, fmt.Errorf("hub: list %s: %w", r.fullName(), err)
		}
		for _, e := range entries {
			if e.Type != "file" {
				continue
			}
			f, err := e.file()
			if err != nil {
				return nil, fmt.Errorf("hub: list %s: %w", r.fullName(), err)
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// validCommit is git's name of a commit.
var validCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Pin asks the hub for the commit that a repository's revision is now, so that all files come from the same one.
func (c *Client) Pin(ctx context.Context, r Repository) (Repository, error) {
	if err := r.check(); err != nil {
		return r, err
	}
	address, err := c.address("api", string(r.Kind), r.fullName(), "revision", cmp.Or(r.Revision, mainBranch))
	if err != nil {
		return r, err
	}
	var answer struct {
		SHA string `json:"sha"`
	}
	var none string
	if err := c.askJSON(ctx, address, &answer, &none); err != nil {
		return r, fmt.Errorf("hub: look up %s: %w", r.fullName(), err)
	}
	if !validCommit.MatchString(answer.SHA) {
		return r, fmt.Errorf("hub: look up %s: commit %.60q; expected 40 hexadecimal digits", r.fullName(), answer.SHA)
	}
	r.Revision = answer.SHA
	return r, nil
}

// nextLink finds the next page in a Link header (RFC 8288).
var nextLink = regexp.MustCompile(`<([^>]+)>;\s*rel="next"`)

// askJSON decodes the answer to a request into answer, and gives the address of the next page, empty if there is none. A
// server that is busy or out of reach is asked again.
func (c *Client) askJSON(ctx context.Context, address string, answer any, next *string) error {
	return c.retry(ctx, func() (progressed bool, err error) {
		ctx, cancel := context.WithTimeout(ctx, c.stall())
		defer cancel()
		response, err := c.get(ctx, address, nil)
		if err != nil {
			return false, err
		}
		defer func() { err = errors.Join(err, response.Body.Close()) }()
		if response.StatusCode != http.StatusOK {
			return false, statusError(response)
		}
		text, err := io.ReadAll(io.LimitReader(response.Body, longestListing))
		if err != nil {
			return false, err
		}
		if err := json.Unmarshal(text, answer); err != nil {
			return false, finalError{fmt.Errorf("the answer is not that of a hub: %w", err)}
		}
		*next, err = nextPage(address, response.Header.Get("Link"))
		return false, err
	})
}

// nextPage is the address of the page after the one at address.
func nextPage(address, link string) (string, error) {
	match := nextLink.FindStringSubmatch(link)
	if match == nil {
		return "", nil
	}
	base, err := url.Parse(address)
	if err != nil {
		return "", finalError{err}
	}
	following, err := base.Parse(match[1])
	if err != nil {
		return "", finalError{err}
	}
	if following.Host != base.Host || following.Scheme != base.Scheme {
		return "", finalError{fmt.Errorf("the listing goes on at another server, %s", following.Host)} // which must not see the token
	}
	return following.String(), nil
}

// file checks an entry: its path must stay inside the repository's folder, and its hash must be one.
func (e entry) file() (File, error) {
	if e.Path == "." || e.Path != path.Clean(e.Path) || !filepath.IsLocal(filepath.FromSlash(e.Path)) || strings.Contains(e.Path, `\`) {
		return File{}, fmt.Errorf("path %q leaves the repository's folder", e.Path)
	}
	f := File{Path: e.Path, Size: e.Size, Git: strings.ToLower(e.OID)}
	digest, length := &f.Git, 20
	if e.LFS != nil {
		f.Size, f.Git, f.SHA256 = e.LFS.Size, "", strings.ToLower(strings.TrimPrefix(e.LFS.OID, "sha256:"))
		digest, length = &f.SHA256, 32
	}
	if raw, err := hex.DecodeString(*digest); err != nil || len(raw) != length {
		return File{}, fmt.Errorf("%s: hash %q; expected %d hexadecimal digits", e.Path, *digest, 2*length)
	}
	if f.Size < 0 || f.Size > largestFile {
		return File{}, fmt.Errorf("%s: size %d; expected 0 to %d bytes", e.Path, f.Size, int64(largestFile))
	}
	return f, nil
}

// SelectSplit keeps the files of one split (all of them for an empty one), and what belongs to every split: stats.yaml and
// the description.
func SelectSplit(files []File, split string) []File {
	folder := "data/"
	if split != "" {
		folder += split + "/"
	}
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		describes := path.Ext(f.Path) == ".yaml" && !strings.Contains(f.Path, "/")
		return !describes && !strings.HasPrefix(f.Path, folder)
	})
}
