package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Client talks to one hub.
type Client struct {
	Endpoint string        // base address; empty is DefaultEndpoint
	Token    string        // for data sets that need one; sent to the endpoint only
	HTTP     *http.Client  // nil: a client that honours the usual proxy variables
	Retries  int           // how often a transfer that made no progress is tried again
	Pause    time.Duration // before the first retry; doubles with each
	Stall    time.Duration // a transfer without a byte for so long is cut and continued; 0 is a minute
}

// FromEnvironment is the client that the variables HF_ENDPOINT, HF_TOKEN and those of proxies describe.
func FromEnvironment() *Client {
	return &Client{Endpoint: os.Getenv("HF_ENDPOINT"), Token: os.Getenv("HF_TOKEN"), Retries: 5, Pause: time.Second}
}

// address joins parts to the endpoint; slashes in parts stay.
func (c *Client) address(parts ...string) (string, error) {
	endpoint := c.Endpoint
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	base, err := url.Parse(endpoint)
	if err != nil || base.Host == "" {
		return "", fmt.Errorf("hub: endpoint %q; expected an address like %s", endpoint, DefaultEndpoint)
	}
	return base.JoinPath(parts...).String(), nil
}

func (c *Client) get(ctx context.Context, address string, header map[string]string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		request.Header.Set(k, v)
	}
	if c.Token != "" {
		// net/http drops it where a redirect leads to another server, as it does to the hub's storage.
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	return client.Do(request)
}

// finalError is an answer that will not change when asked again.
type finalError struct{ error }

// statusError describes an answer that is no success.
func statusError(response *http.Response) error {
	err := fmt.Errorf("the server says %s", response.Status)
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return finalError{fmt.Errorf("%w; set HF_TOKEN to a token with access", err)}
	case http.StatusNotFound:
		return finalError{fmt.Errorf("%w; is the name right?", err)}
	}
	return err
}

// Progress is told how many of a file's bytes are there.
type Progress func(f File, done int64)

// Download fetches a file of a data set into folder, under the file's own path. What is there already is kept: the whole
// file if its size is right (its hash too, with verify), or its beginning, in a .part file. progress may be nil.
func (c *Client) Download(ctx context.Context, name string, f File, folder string, verify bool, progress Progress) error {
	target := filepath.Join(folder, filepath.FromSlash(f.Path))
	if progress == nil {
		progress = func(File, int64) {}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	present, err := f.present(target, verify)
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	if present {
		progress(f, f.Size)
		return nil
	}
	address, err := c.address("datasets", repository(name), "resolve", "main", f.Path)
	if err != nil {
		return err
	}
	if err := c.fetch(ctx, address, f, target+".part", progress); err != nil {
		return fmt.Errorf("hub: %s: %w", f.Path, err)
	}
	if err := os.Rename(target+".part", target); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	return nil
}

// present reports whether the file is there with the right size, and with the right hash if that is to be verified.
func (f File) present(target string, verify bool) (bool, error) {
	info, err := os.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || info.Size() != f.Size || !verify {
		return err == nil && info.Size() == f.Size, err
	}
	file, err := os.Open(target)
	if err != nil {
		return false, err
	}
	defer file.Close()
	digest := f.digest()
	if _, err := io.Copy(digest, file); err != nil {
		return false, err
	}
	return f.matches(digest), nil
}

// digest starts the hash that the hub gave for the file.
func (f File) digest() hash.Hash {
	if f.SHA256 != "" {
		return sha256.New()
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", f.Size) // git's header of a file's content
	return h
}

func (f File) matches(digest hash.Hash) bool {
	return hex.EncodeToString(digest.Sum(nil)) == f.SHA256+f.Git // one of them is empty
}

// fetch brings the .part file to its full size, through as many broken connections as it takes, and checks the hash.
func (c *Client) fetch(ctx context.Context, address string, f File, part string, progress Progress) error {
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	t := &transfer{client: c, address: address, file: file, want: f, progress: progress}
	err = t.run(ctx)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// transfer is one file on its way.
type transfer struct {
	client   *Client
	address  string
	file     *os.File
	want     File
	progress Progress
	digest   hash.Hash
	done     int64 // bytes in the file, and in the digest
}

// run repeats until all bytes are there and their hash is right. Only tries without any progress count as failures.
func (t *transfer) run(ctx context.Context) error {
	if err := t.resume(); err != nil {
		return err
	}
	failures, restarted := 0, false
	pause := t.client.Pause
	for {
		before := t.done
		err := t.attempt(ctx)
		if err == nil {
			if t.want.matches(t.digest) {
				return nil
			}
			if restarted {
				return errors.Join(fmt.Errorf("its hash is not the hub's, twice; the .part file was emptied"), t.restart())
			}
			restarted = true
			if err := t.restart(); err != nil {
				return err
			}
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.As(err, new(finalError)) {
			return err
		}
		if t.done > before {
			failures, pause = 0, t.client.Pause
			continue
		}
		if failures++; failures > t.client.Retries {
			return fmt.Errorf("%d tries without progress at byte %d of %d; run again to continue: %w", failures, t.done, t.want.Size, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// resume takes what an earlier run left into the digest.
func (t *transfer) resume() error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > t.want.Size {
		return t.restart()
	}
	t.digest = t.want.digest()
	t.done, err = io.Copy(t.digest, t.file)
	t.progress(t.want, t.done)
	return err
}

// restart throws everything away.
func (t *transfer) restart() error {
	t.done, t.digest = 0, t.want.digest()
	t.progress(t.want, 0)
	if err := t.file.Truncate(0); err != nil {
		return err
	}
	_, err := t.file.Seek(0, io.SeekStart)
	return err
}

// attempt asks for the missing bytes once. Nil means that all of them are there.
func (t *transfer) attempt(ctx context.Context) (err error) {
	if t.done == t.want.Size {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := t.client.Stall
	if stall == 0 {
		stall = time.Minute
	}
	timer := time.AfterFunc(stall, cancel)
	defer timer.Stop()
	header := map[string]string{"Accept-Encoding": "identity"}
	if t.done > 0 {
		header["Range"] = fmt.Sprintf("bytes=%d-", t.done)
	}
	response, err := t.client.get(ctx, t.address, header)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	switch response.StatusCode {
	case http.StatusPartialContent:
		if from := rangeStart(response.Header.Get("Content-Range")); from != t.done {
			return finalError{fmt.Errorf("asked for bytes from %d on, got Content-Range %q", t.done, response.Header.Get("Content-Range"))}
		}
	case http.StatusOK: // the server does not know ranges, or none was asked for
		if t.done > 0 {
			if err := t.restart(); err != nil {
				return err
			}
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return errors.Join(statusError(response), t.restart())
	default:
		return statusError(response)
	}
	return t.copy(response.Body, func() { timer.Reset(stall) })
}

// rangeStart is the first byte of a Content-Range header, -1 if there is none.
func rangeStart(header string) int64 {
	span, found := strings.CutPrefix(header, "bytes ")
	first, _, _ := strings.Cut(span, "-")
	n, err := strconv.ParseInt(first, 10, 64)
	if !found || err != nil {
		return -1
	}
	return n
}

// copy takes bytes until the file is complete or the connection breaks.
func (t *transfer) copy(body io.Reader, alive func()) error {
	buffer := make([]byte, 1<<18)
	for t.done < t.want.Size {
		n, err := body.Read(buffer[:min(int64(len(buffer)), t.want.Size-t.done)])
		if n > 0 {
			alive()
			if _, err := t.file.Write(buffer[:n]); err != nil {
				return finalError{err}
			}
			t.digest.Write(buffer[:n]) // a hash never fails
			t.done += int64(n)
			t.progress(t.want, t.done)
		}
		if err != nil && t.done < t.want.Size {
			return fmt.Errorf("the connection ended at byte %d of %d: %w", t.done, t.want.Size, err)
		}
	}
	return nil
}
