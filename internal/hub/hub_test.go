package hub

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// toy is the data set of the server.
var toy = Repository{Kind: Datasets, Name: "toy"}

// server is a hub with one data set, on a bad line.
type server struct {
	*httptest.Server
	files    map[string][]byte
	cut      int  // bytes after which a connection breaks; 0 never
	noRanges bool // answers every request from the start
	damage   int  // so many first answers have a wrong byte
	stall    bool // the first answer never ends
	token    string

	mu       sync.Mutex
	requests []string // "path range"
}

func newServer(t *testing.T, s *server) *Client {
	t.Helper()
	if s.files == nil {
		big := make([]byte, 300_000)
		for i := range big {
			big[i] = byte(rand.Uint32())
		}
		s.files = map[string][]byte{"data/train/a.hdf5": big, "data/test/b.hdf5": big[:1000], "stats.yaml": []byte("mean: {}\n")}
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return &Client{Endpoint: s.URL, Token: s.token, Retries: 2, Pause: time.Millisecond, Stall: 200 * time.Millisecond}
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	if s.token != "" && r.Header.Get("Authorization") != "Bearer "+s.token {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	if r.URL.Path == "/api/datasets/polymathic-ai/toy/tree/main" {
		s.list(w, r)
		return
	}
	name, found := strings.CutPrefix(r.URL.Path, "/datasets/polymathic-ai/toy/resolve/main/")
	content, known := s.files[name]
	if !found || !known {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	first := len(s.requests) == 0
	s.requests = append(s.requests, name+" "+r.Header.Get("Range"))
	damaged := s.damage > 0
	s.damage--
	s.mu.Unlock()
	from := 0
	if span := r.Header.Get("Range"); span != "" && !s.noRanges {
		from, _ = strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(span, "bytes="), "-"))
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	}
	rest := bytes.Clone(content[from:])
	if damaged {
		rest[len(rest)/2] ^= 1
	}
	if s.stall && first {
		w.Write(rest[:100])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	if s.cut > 0 && len(rest) > s.cut {
		w.Write(rest[:s.cut])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler) // cuts the connection
	}
	w.Write(rest)
}

// list answers in pages of two.
func (s *server) list(w http.ResponseWriter, r *http.Request) {
	entries := []map[string]any{{"type": "directory", "path": "data"}}
	for _, name := range []string{"data/train/a.hdf5", "data/test/b.hdf5", "stats.yaml"} {
		content, known := s.files[name]
		if !known {
			continue
		}
		e := map[string]any{"type": "file", "path": name, "size": len(content)}
		blob := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(content)), content...))
		e["oid"] = hex.EncodeToString(blob[:])
		if strings.HasSuffix(name, ".hdf5") {
			sum := sha256.Sum256(content)
			e["lfs"] = map[string]any{"oid": hex.EncodeToString(sum[:]), "size": len(content)}
		}
		entries = append(entries, e)
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	to := min(from+2, len(entries))
	if to < len(entries) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=%d>; rel="next"`, s.URL, r.URL.Path, to))
	}
	_ = json.NewEncoder(w).Encode(entries[from:to])
}

func downloadAll(t *testing.T, c *Client, folder, split string, verify bool) error {
	t.Helper()
	files, err := c.List(context.Background(), toy)
	if err != nil {
		return err
	}
	for _, f := range SelectSplit(files, split) {
		if err := c.Download(context.Background(), toy, f, folder, verify, nil); err != nil {
			return err
		}
	}
	return nil
}

func wantFiles(t *testing.T, s *server, folder string, names ...string) {
	t.Helper()
	for _, name := range names {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(got, s.files[name]) {
			t.Errorf("%s: %d bytes, %v; want the server's %d", name, len(got), err, len(s.files[name]))
		}
	}
	found := 0
	_ = filepath.Walk(folder, func(_ string, info os.FileInfo, _ error) error {
		if !info.IsDir() {
			found++
		}
		return nil
	})
	if found != len(names) {
		t.Errorf("%d files, want %d", found, len(names))
	}
}

func TestDownloadSurvivesEveryKindOfBadLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		server *server
	}{
		{"good", &server{}}, {"cut after every 40,000 bytes", &server{cut: 40_000}}, {"stalled once", &server{stall: true}},
		{"one wrong byte", &server{damage: 1}}, {"with a token", &server{token: "secret"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.server
			client, folder := newServer(t, s), t.TempDir()
			if err := downloadAll(t, client, folder, "", false); err != nil {
				t.Fatal(err)
			}
			wantFiles(t, s, folder, "data/train/a.hdf5", "data/test/b.hdf5", "stats.yaml")
			if s.cut > 0 && len(s.requests) != 8+2 {
				t.Errorf("%d requests; want 8 parts and 2 small files", len(s.requests))
			}
		})
	}
}

func TestSecondRunContinuesWhereTheFirstStopped(t *testing.T) {
	s := &server{}
	client, folder := newServer(t, s), t.TempDir()
	part := filepath.Join(folder, "data", "train", "a.hdf5.part")
	if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, s.files["data/train/a.hdf5"][:123_456], 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time everything is there
		if err := downloadAll(t, client, folder, "train", false); err != nil {
			t.Fatal(err)
		}
	}
	wantFiles(t, s, folder, "data/train/a.hdf5", "stats.yaml")
	if want := []string{"data/train/a.hdf5 bytes=123456-", "stats.yaml "}; strings.Join(s.requests, "; ") != strings.Join(want, "; ") {
		t.Errorf("requests %q, want %q", s.requests, want)
	}
}

func TestVerifyFetchesChangedFilesAgain(t *testing.T) {
	s := &server{}
	client, folder := newServer(t, s), t.TempDir()
	if err := downloadAll(t, client, folder, "test", false); err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(folder, "data", "test", "b.hdf5")
	if err := os.WriteFile(changed, make([]byte, 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := downloadAll(t, client, folder, "test", true); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, s, folder, "data/test/b.hdf5", "stats.yaml")
}

func TestServersWithoutRangesStartOver(t *testing.T) {
	s := &server{noRanges: true}
	client, folder := newServer(t, s), t.TempDir()
	part := filepath.Join(folder, "data", "test", "b.hdf5.part")
	if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, []byte("wrong beginning"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := downloadAll(t, client, folder, "test", false); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, s, folder, "data/test/b.hdf5", "stats.yaml")
}

func TestFailuresSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name, message string
		server        *server
		change        func(*Client)
	}{
		{"wrong token", "set HF_TOKEN", &server{token: "secret"}, func(c *Client) { c.Token = "guess" }},
		{"wrong bytes twice", "its hash is not the hub's", &server{damage: 2}, func(*Client) {}},
		{"bad endpoint", "endpoint", &server{}, func(c *Client) { c.Endpoint = "not an address" }},
	} {
		client := newServer(t, c.server)
		c.change(client)
		err := downloadAll(t, client, t.TempDir(), "", false)
		if err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: error %v; want %q", c.name, err, c.message)
		}
	}
}

func TestStoppedDownloadKeepsWhatItHas(t *testing.T) {
	s := &server{}
	client, folder := newServer(t, s), t.TempDir()
	files, err := client.List(context.Background(), toy)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	err = client.Download(ctx, toy, files[0], folder, false, func(_ File, done int64) {
		if done > 0 {
			stop()
		}
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := client.Download(context.Background(), toy, files[0], folder, false, nil); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, s, folder, files[0].Path)
}

func TestNamesThatAreNoneAreRefused(t *testing.T) {
	client := newServer(t, &server{})
	for _, name := range []string{"", "..", "a/..", "a/b/c", "a b", "a?b", "../a"} {
		if _, err := client.List(context.Background(), Repository{Kind: Datasets, Name: name}); err == nil || !strings.Contains(err.Error(), "expected a name") {
			t.Errorf("%q: error %v", name, err)
		}
	}
}

func TestHostileListingsAreRefused(t *testing.T) {
	digest := strings.Repeat("ab", 20)
	for _, e := range []entry{
		{Path: "../outside", OID: digest}, {Path: "/etc/passwd", OID: digest}, {Path: "a/../../b", OID: digest}, {Path: `a\b`, OID: digest},
		{Path: "", OID: digest}, {Path: "a", OID: "short"}, {Path: "a", OID: digest, Size: -1},
		{Path: "a", OID: digest, Size: 1 << 62}, {Path: "a/", OID: digest}, {Path: ".", OID: digest}, {Path: "a//b", OID: digest},
	} {
		if f, err := e.file(); err == nil {
			t.Errorf("%+v was accepted as %+v", e, f)
		}
	}
}
