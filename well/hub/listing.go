package hub

import (
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

// Owner is who publishes The Well on the hub; a data set's name without an owner is one of theirs.
const Owner = "polymathic-ai"

// DefaultEndpoint is the public hub.
const DefaultEndpoint = "https://huggingface.co"

// File is a file of a data set on the hub.
type File struct {
	Path   string // inside the data set: "data/train/x.hdf5"
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
)

// List asks the hub for all files of a data set: "shear_flow", or "owner/name".
func (c *Client) List(ctx context.Context, name string) ([]File, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("hub: data set %q; expected a name like shear_flow, or owner/name", name)
	}
	next, err := c.address("api", "datasets", repository(name), "tree", "main")
	if err != nil {
		return nil, err
	}
	next += "?recursive=true"
	var files []File
	for page := 0; next != ""; page++ {
		if page == mostPages {
			return nil, fmt.Errorf("hub: %s: the listing has more than %d pages", name, mostPages)
		}
		var entries []entry
		if entries, next, err = c.listPage(ctx, next); err != nil {
			return nil, fmt.Errorf("hub: list %s: %w", repository(name), err)
		}
		for _, e := range entries {
			if e.Type != "file" {
				continue
			}
			f, err := e.file()
			if err != nil {
				return nil, fmt.Errorf("hub: list %s: %w", repository(name), err)
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// validName is a name that is safe in an address and as a folder.
var validName = regexp.MustCompile(`^(\w[\w.-]*/)?\w[\w.-]*$`)

// repository is owner/name.
func repository(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return Owner + "/" + name
}

// nextLink finds the next page in a Link header (RFC 8288).
var nextLink = regexp.MustCompile(`<([^>]+)>;\s*rel="next"`)

func (c *Client) listPage(ctx context.Context, address string) (entries []entry, next string, err error) {
	response, err := c.get(ctx, address, nil)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, "", statusError(response)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, longestListing)).Decode(&entries); err != nil {
		return nil, "", fmt.Errorf("the listing is no list of files: %w", err)
	}
	if match := nextLink.FindStringSubmatch(response.Header.Get("Link")); match != nil {
		base, err := url.Parse(address)
		if err != nil {
			return nil, "", err
		}
		following, err := base.Parse(match[1])
		if err != nil {
			return nil, "", err
		}
		if following.Host != base.Host {
			return nil, "", fmt.Errorf("the listing goes on at another server, %s", following.Host) // which must not see the token
		}
		next = following.String()
	}
	return entries, next, nil
}

// file checks an entry: its path must stay inside the data set's folder, and its hash must be one.
func (e entry) file() (File, error) {
	if e.Path != path.Clean(e.Path) || !filepath.IsLocal(filepath.FromSlash(e.Path)) || strings.Contains(e.Path, `\`) {
		return File{}, fmt.Errorf("path %q leaves the data set's folder", e.Path)
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
	if f.Size < 0 {
		return File{}, fmt.Errorf("%s: size %d", e.Path, f.Size)
	}
	return f, nil
}

// Select keeps the files of one split (all of them for an empty one), and what belongs to every split: stats.yaml and
// the description.
func Select(files []File, split string) []File {
	folder := "data/"
	if split != "" {
		folder += split + "/"
	}
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		describes := path.Ext(f.Path) == ".yaml" && !strings.Contains(f.Path, "/")
		return !describes && !strings.HasPrefix(f.Path, folder)
	})
}
