package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// modelServer is a hub with the model polymathic-ai/toy. before may answer a request for content in its stead: n counts those
// for the same file and range.
type modelServer struct {
	*httptest.Server
	files  map[string][]byte
	commit string
	before func(w http.ResponseWriter, r *http.Request, n int) (answered bool)

	mu       sync.Mutex
	requests map[string]int
	total    int
}

// newModelServer starts it, with a cache of its own and a client whose pieces are small.
func newModelServer(t *testing.T) (*modelServer, *Client) {
	t.Helper()
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_HUB_CACHE", "")
	big := make([]byte, 500_001)
	for i := range big {
		big[i] = byte(rand.Uint32())
	}
	s := &modelServer{
		files:  map[string][]byte{"toy.safetensors": big, "extended_config.yaml": []byte("a: 1\n"), "sub/notes.md": []byte("notes")},
		commit: commit, requests: map[string]int{},
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s, &Client{Endpoint: s.URL, Retries: 3, Pause: time.Millisecond, Stall: 300 * time.Millisecond, Piece: 100_000, Parallel: 3}
}

func (s *modelServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/models/polymathic-ai/toy/revision/main":
		_ = json.NewEncoder(w).Encode(map[string]string{"sha": s.commit})
		return
	case "/api/models/polymathic-ai/toy/tree/" + s.commit:
		var entries []map[string]any
		for name, content := range s.files {
			sum := sha256.Sum256(content)
			entries = append(entries, map[string]any{
				"type": "file", "path": name, "size": len(content), "oid": strings.Repeat("0", 40),
				"lfs": map[string]any{"oid": hex.EncodeToString(sum[:]), "size": len(content)},
			})
		}
		_ = json.NewEncoder(w).Encode(entries)
		return
	}
	name, found := strings.CutPrefix(r.URL.Path, "/polymathic-ai/toy/resolve/"+s.commit+"/")
	if !found {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	key := name + " " + r.Header.Get("Range")
	n := s.requests[key]
	s.requests[key]++
	s.total++
	s.mu.Unlock()
	if s.before != nil && s.before(w, r, n) {
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.files[name]))
}

// store does what the command does.
func store(ctx context.Context, c *Client, progress Progress) (string, error) {
	r, err := c.Pin(ctx, Repository{Kind: Models, Name: "toy"})
	if err != nil {
		return "", err
	}
	files, err := c.List(ctx, r)
	if err != nil {
		return "", err
	}
	return c.Store(ctx, r, files, false, progress)
}

// wantModel checks the snapshot, and that nothing is left of the transfers.
func (s *modelServer) wantModel(t *testing.T, folder string) {
	t.Helper()
	for name, content := range s.files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v; want the server's %d", name, len(got), err, len(content))
		}
	}
	blobs, err := os.ReadDir(filepath.Join(folder, "..", "..", "blobs"))
	if err != nil || len(blobs) != len(s.files) {
		t.Errorf("blobs %v, %v; want %d", blobs, err, len(s.files))
	}
}

func TestModelsComeThroughEveryKindOfBadServer(t *testing.T) {
	large := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, ".safetensors") }
	busy := func(code int, after string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n > 0 {
				return false
			}
			w.Header().Set("Retry-After", after)
			w.WriteHeader(code)
			return true
		}
	}
	for name, before := range map[string]func(s *modelServer, w http.ResponseWriter, r *http.Request, n int) bool{
		"good": func(*modelServer, http.ResponseWriter, *http.Request, int) bool { return false },
		"429 with a pause": func(_ *modelServer, w http.ResponseWriter, r *http.Request, n int) bool {
			return busy(429, "0")(w, r, n)
		},
		"503": func(_ *modelServer, w http.ResponseWriter, r *http.Request, n int) bool {
			return busy(503, "")(w, r, n)
		},
		"500": func(_ *modelServer, w http.ResponseWriter, r *http.Request, n int) bool {
			return busy(500, "")(w, r, n)
		},
		"redirects to a server": nil, // below
		"stalls in every piece": func(s *modelServer, w http.ResponseWriter, r *http.Request, n int) bool {
			if !large(r) || n > 0 || !strings.HasSuffix(r.Header.Get("Range"), "99999") {
				return false
			}
			w.Header().Set("Content-Range", strings.Replace(r.Header.Get("Range"), "=", " ", 1)+"/500001")
			w.WriteHeader(http.StatusPartialContent)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		},
		"truncates": func(s *modelServer, w http.ResponseWriter, r *http.Request, n int) bool {
			if !large(r) || r.Header.Get("Range") != "bytes=100000-199999" {
				return false
			}
			w.Header().Set("Content-Range", "bytes 100000-199999/500001")
			w.Header().Set("Content-Length", "100000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(s.files["toy.safetensors"][100_000:130_000])
			panic(http.ErrAbortHandler)
		},
		"ignores ranges": func(s *modelServer, w http.ResponseWriter, r *http.Request, _ int) bool {
			if large(r) {
				_, _ = w.Write(s.files["toy.safetensors"])
			}
			return large(r)
		},
		"one wrong byte": func(s *modelServer, w http.ResponseWriter, r *http.Request, n int) bool {
			if !large(r) || n > 0 || r.Header.Get("Range") != "bytes=0-99999" {
				return false
			}
			wrong := bytes.Clone(s.files["toy.safetensors"])
			wrong[7] ^= 1
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(wrong))
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := newModelServer(t)
			if before == nil {
				client.Token = "secret"
				storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") != "" {
						t.Errorf("the storage saw the token")
					}
					http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.files[strings.TrimPrefix(r.URL.Path, "/")]))
				}))
				t.Cleanup(storage.Close)
				other := strings.Replace(storage.URL, "127.0.0.1", "localhost", 1)
				before = func(s *modelServer, w http.ResponseWriter, r *http.Request, _ int) bool {
					if r.Header.Get("Authorization") != "Bearer secret" {
						t.Errorf("the hub saw no token")
					}
					_, file, _ := strings.Cut(r.URL.Path, s.commit)
					http.Redirect(w, r, other+file, http.StatusFound)
					return true
				}
			}
			s.before = func(w http.ResponseWriter, r *http.Request, n int) bool { return before(s, w, r, n) }
			folder, err := store(t.Context(), client, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.wantModel(t, folder)
			if found, err := Cached("toy"); err != nil || found != folder {
				t.Errorf("found %s, %v; want %s", found, err, folder)
			}
			before := s.total
			if _, err := store(t.Context(), client, nil); err != nil || s.total != before {
				t.Errorf("the second time: %d requests, %v; want none", s.total-before, err)
			}
		})
	}
}

func TestStoppedModelContinuesAndStaysHidden(t *testing.T) {
	s, client := newModelServer(t)
	client.Parallel = 1
	ctx, stop := context.WithCancel(t.Context())
	var stopped int64
	_, err := store(ctx, client, func(f File, done int64) {
		if f.Path == "toy.safetensors" && done > 250_000 && done < f.Size {
			stopped = done
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) || stopped == 0 {
		t.Fatalf("error %v at byte %d; want a stop in the middle", err, stopped)
	}
	if _, err := Cached("toy"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a model was found: %v", err)
	}
	sum := sha256.Sum256(s.files["toy.safetensors"])
	blob := filepath.Join(CacheFolder(), "models--polymathic-ai--toy", "blobs", hex.EncodeToString(sum[:]))
	if _, err := os.Stat(blob); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a file has its final name: %v", err)
	}
	s.requests = map[string]int{}
	folder, err := store(t.Context(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.wantModel(t, folder)
	for _, there := range []string{"bytes=0-99999", "bytes=100000-199999"} {
		if s.requests["toy.safetensors "+there] > 0 {
			t.Errorf("%s was fetched again; requests %v", there, s.requests)
		}
	}
}

func TestPiecesTakeOverWhatOneTransferLeft(t *testing.T) {
	s, client := newModelServer(t)
	sum := sha256.Sum256(s.files["toy.safetensors"])
	part := filepath.Join(CacheFolder(), "models--polymathic-ai--toy", "blobs", hex.EncodeToString(sum[:])+".part")
	if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, s.files["toy.safetensors"][:234_567], 0o644); err != nil {
		t.Fatal(err)
	}
	folder, err := store(t.Context(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.wantModel(t, folder)
	if s.requests["toy.safetensors bytes=0-99999"] != 0 || s.requests["toy.safetensors bytes=200000-299999"] != 1 {
		t.Errorf("requests %v", s.requests)
	}
}

func TestModelsThatCanNotBeHadSayWhy(t *testing.T) {
	answer := func(code int, header ...string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			if len(header) > 0 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(code)
			return true
		}
	}
	wrong := func(w http.ResponseWriter, r *http.Request, _ int) bool {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(make([]byte, 500_001)))
		return true
	}
	for _, c := range []struct {
		name, message string
		change        func(s *modelServer, c *Client)
	}{
		{"always busy", "4 tries without progress", func(s *modelServer, _ *Client) { s.before = answer(503) }},
		{"an hour to wait", "to wait for 1h0m0s", func(s *modelServer, _ *Client) { s.before = answer(429, "Retry-After", "3600") }},
		{"wrong hash for ever", "its hash is not the hub's", func(s *modelServer, _ *Client) {
			delete(s.files, "sub/notes.md")
			delete(s.files, "extended_config.yaml")
			s.before = wrong
		}},
		{"other range", "Content-Range", func(s *modelServer, _ *Client) { s.before = answer(206, "Content-Range", "bytes 3-5/9") }},
		{"forbidden", "set HF_TOKEN", func(s *modelServer, _ *Client) { s.before = answer(403) }},
		{"path outside", "leaves the repository's folder", func(s *modelServer, _ *Client) { s.files["../../refs/main"] = nil }},
		{"commit that is a path", "expected 40 hexadecimal digits", func(s *modelServer, _ *Client) { s.commit = "../../x" }},
		{"offline", "nothing is asked of the hub", func(_ *modelServer, c *Client) { c.Offline = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, client := newModelServer(t)
			c.change(s, client)
			if _, err := store(t.Context(), client, nil); err == nil || !strings.Contains(err.Error(), c.message) {
				t.Errorf("error %v; want %q", err, c.message)
			}
			if _, err := Cached("toy"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a model is found after a failure: %v", err)
			}
			_ = filepath.WalkDir(CacheFolder(), func(path string, d fs.DirEntry, _ error) error {
				if d != nil && d.Name() == "blobs" {
					blobs, _ := os.ReadDir(path)
					for _, b := range blobs {
						if !strings.Contains(b.Name(), ".part") && strings.Contains(c.name, "hash") {
							t.Errorf("%s has its final name", b.Name())
						}
					}
				}
				return nil
			})
		})
	}
}

func TestServerIsGivenTheTimeItAsksFor(t *testing.T) {
	s, client := newModelServer(t)
	s.before = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		if s.total > 1 {
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	client.Parallel = 1
	began := time.Now()
	if _, err := store(t.Context(), client, nil); err != nil || time.Since(began) < time.Second {
		t.Errorf("%v after %v; want a second at least", err, time.Since(began))
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", header, got, want)
		}
	}
}

func TestTwoDownloadsDoNotMix(t *testing.T) {
	part := filepath.Join(t.TempDir(), "x.part")
	first, err := openLocked(part)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openLocked(part); err == nil || !strings.Contains(err.Error(), "another download") {
		t.Errorf("error %v; want that another download writes it", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openLocked(part)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestModelsThatOtherProgramsFetchedAreFound(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("HF_HOME", filepath.Join(t.TempDir(), "unused"))
	t.Setenv("HF_HUB_CACHE", cache)
	snapshot := filepath.Join(cache, "models--someone--else", "snapshots", commit)
	if err := os.MkdirAll(snapshot, 0o755); err != nil {
		t.Fatal(err)
	}
	ref := filepath.Join(cache, "models--someone--else", "refs", "main")
	if err := os.MkdirAll(filepath.Dir(ref), 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{commit: snapshot, commit + "\n": snapshot, "../../../etc": "", strings.Repeat("a", 40): ""} {
		if err := os.WriteFile(ref, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := Cached("someone/else"); got != want || (err == nil) != (want != "") {
			t.Errorf("refs/main %q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestEnvironmentIsThatOfTheHubsPrograms(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"HF_TOKEN", "HF_TOKEN_PATH", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HOME", folder)
	if err := os.WriteFile(filepath.Join(folder, "token"), []byte("of the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := FromEnvironment(); c.Token != "of the file" || c.Offline || CacheFolder() != filepath.Join(folder, "hub") {
		t.Errorf("token %q, offline %v, cache %s", c.Token, c.Offline, CacheFolder())
	}
	t.Setenv("HF_TOKEN", "of the variable")
	t.Setenv("HF_HUB_OFFLINE", "YES")
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1")
	if c := FromEnvironment(); c.Token != "of the variable" || !c.Offline || c.Endpoint != "http://127.0.0.1:1" {
		t.Errorf("%+v", c)
	}
	t.Setenv("HF_HOME", "")
	t.Setenv("HOME", folder)
	if want := filepath.Join(folder, ".cache", "huggingface", "hub"); CacheFolder() != want {
		t.Errorf("cache %s, want %s", CacheFolder(), want)
	}
}

func TestSafetensorsArePreferred(t *testing.T) {
	both := []File{{Path: "walrus.pt"}, {Path: "walrus.safetensors"}, {Path: "extended_config.yaml"}}
	if got := SelectModel(both); len(got) != 2 || got[0].Path != "walrus.safetensors" || len(both) != 3 {
		t.Errorf("kept %v", got)
	}
	if got := SelectModel(both[:1]); len(got) != 1 {
		t.Errorf("of a .pt file alone %v", got)
	}
}

func TestJournalsOfPiecesAreNotTrusted(t *testing.T) {
	for name, journal := range map[string]string{
		"garbage": "\x00\xff\n\n", "of other pieces": "bytes of a piece: 7\n0\n1\n", "pieces that there are not": "bytes of a piece: 100000\n-1\n99\n1e3\n0\n0\n",
		"half a line": "bytes of a piece: 100000\n0", "more than there is": "bytes of a piece: 100000\n0\n1\n2\n3\n4\n5\n",
	} {
		t.Run(name, func(t *testing.T) {
			s, client := newModelServer(t)
			sum := sha256.Sum256(s.files["toy.safetensors"])
			part := filepath.Join(CacheFolder(), "models--polymathic-ai--toy", "blobs", hex.EncodeToString(sum[:])+".part")
			if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
				t.Fatal(err)
			}
			for file, content := range map[string][]byte{part: make([]byte, 150_000), part + ".pieces": []byte(journal)} {
				if err := os.WriteFile(file, content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			folder, err := store(t.Context(), client, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.wantModel(t, folder)
		})
	}
}

func FuzzListing(f *testing.F) {
	f.Add([]byte(`[{"type": "file", "path": "a/b.pt", "size": 3, "oid": "`+commit+`", "lfs": {"oid": "sha256:ab", "size": 9}}]`), "<?cursor=2>; rel=\"next\"")
	f.Add([]byte(`[{"path": "../x", "size": 1e99}]`), "<http://[::1>; rel=\"next\"")
	f.Fuzz(func(t *testing.T, text []byte, link string) {
		if next, err := nextPage("https://127.0.0.1/api?x", link); err == nil && next != "" && !strings.HasPrefix(next, "https://127.0.0.1") {
			t.Errorf("link %q leads to %s", link, next)
		}
		var entries []entry
		if json.Unmarshal(text, &entries) != nil {
			return
		}
		for _, e := range entries {
			if file, err := e.file(); err == nil && (!filepath.IsLocal(file.Path) || file.Size < 0 || file.Size > largestFile || len(file.blob()) < 40 || strings.Contains(file.blob(), "/")) {
				t.Errorf("%+v was accepted as %+v", e, file)
			}
		}
	})
}
