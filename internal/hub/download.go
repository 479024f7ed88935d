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
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// Progress is told how many of a file's bytes are there.
type Progress func(f File, done int64)

// Download fetches a file of a repository into folder, under the file's own path. What is there already is kept: the whole
// file if its size is right (its hash too, with verify), or its beginning, in a .part file. progress may be nil.
func (c *Client) Download(ctx context.Context, r Repository, f File, folder string, verify bool, progress Progress) error {
	return c.downloadTo(ctx, r, f, filepath.Join(folder, filepath.FromSlash(f.Path)), verify, progress)
}

// downloadTo is Download with another name for the file.
func (c *Client) downloadTo(ctx context.Context, r Repository, f File, target string, verify bool, progress Progress) error {
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
	address, err := r.file(c, f.Path)
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
	return f.hashMatches(file)
}

// hashMatches reports whether the content of a file on disk has the hub's hash.
func (f File) hashMatches(file *os.File) (bool, error) {
	digest := f.digest()
	_, err := io.Copy(digest, io.NewSectionReader(file, 0, math.MaxInt64))
	return f.matches(digest), err
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
	return hex.EncodeToString(digest.Sum(nil)) == f.blob()
}

// fetch brings the .part file to its full size, through as many broken connections as it takes, and checks the hash.
func (c *Client) fetch(ctx context.Context, address string, f File, part string, progress Progress) error {
	file, err := openLocked(part)
	if err != nil {
		return err
	}
	t := &transfer{client: c, address: address, file: file, want: f, progress: progress}
	run := t.run
	if f.Size > c.piece() {
		run = t.runPieces
	}
	if err = run(ctx); err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// openLocked opens a .part file that no other program writes. The lock ends with the file's closing.
func openLocked(part string) (*os.File, error) {
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if !atomicfile.Hold(file) { // whoever held the lock before may also have given the file its final name
		return nil, errors.Join(fmt.Errorf("%s is being written by another download; wait for that, then run again", part), file.Close())
	}
	return file, nil
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

// errWrongHash is what a complete file with other bytes than the hub's gets.
var errWrongHash = errors.New("its hash is not the hub's, twice; the .part file was emptied")

// run fetches from the first missing byte to the last, and once more from the start where the hash is wrong.
func (t *transfer) run(ctx context.Context) error {
	if err := t.resume(); err != nil {
		return err
	}
	for range 2 {
		err := t.client.retry(ctx, func() (bool, error) {
			before := t.done
			err := t.attempt(ctx)
			return t.done > before, err
		})
		if err != nil {
			return fmt.Errorf("at byte %d of %d: %w", t.done, t.want.Size, err)
		}
		if t.want.matches(t.digest) {
			return nil
		}
		if err := t.restart(); err != nil {
			return err
		}
	}
	return errWrongHash
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
func (t *transfer) attempt(ctx context.Context) error {
	if t.done == t.want.Size {
		return nil
	}
	span := ""
	if t.done > 0 {
		span = fmt.Sprintf("bytes=%d-", t.done)
	}
	return t.client.stream(ctx, t.address, span, func(response *http.Response, alive func()) error {
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
		return t.copy(response.Body, alive)
	})
}

// stream asks for a span of a file, all of it where the span is empty, and cuts the connection when it stalls: take calls
// alive whenever a byte arrives.
func (c *Client) stream(ctx context.Context, address, span string, take func(response *http.Response, alive func()) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(c.stall(), cancel)
	defer timer.Stop()
	header := map[string]string{"Accept-Encoding": "identity"}
	if span != "" {
		header["Range"] = span
	}
	response, err := c.get(ctx, address, header)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	return take(response, func() { timer.Reset(c.stall()) })
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
