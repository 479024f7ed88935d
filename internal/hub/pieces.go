package hub

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/gowalrus/walrus/internal/fault"
)

// A large file comes in pieces, several at once, since one connection to a distant server is rarely as fast as the line. Each
// is written at its place in the .part file, and a file beside that one (.part.pieces) has a line for each piece that is
// complete, so that a later run asks only for the others.

func (c *Client) piece() int64 { return cmp.Or(c.Piece, 32<<20) }

// errNoRanges says that the server sends whole files only.
var errNoRanges = finalError{errors.New("the server sends whole files only")}

// pieces is a file's state on the way.
type pieces struct {
	*transfer
	size     int64
	journal  *os.File
	mutex    sync.Mutex
	complete []bool
	arrived  int64 // bytes of all pieces
}

// runPieces fetches the pieces that are missing, and all of them once more where the hash is wrong.
func (t *transfer) runPieces(ctx context.Context) (err error) {
	name := t.file.Name() + ".pieces"
	for range 2 {
		err := t.fetchPieces(ctx, name)
		if errors.Is(err, errNoRanges) {
			if err := errors.Join(os.Remove(name), t.restart()); err != nil {
				return err
			}
			return t.run(ctx)
		}
		if err != nil {
			return err
		}
		right, err := t.want.hashMatches(t.file)
		if err != nil {
			return err
		}
		if err := os.Remove(name); err != nil || right {
			return err
		}
		if err := t.restart(); err != nil {
			return err
		}
	}
	return errWrongHash
}

// openPieces reads what an earlier run left.
func (t *transfer) openPieces(name string) (*pieces, error) {
	p := &pieces{transfer: t, size: t.client.piece()}
	p.complete = make([]bool, (t.want.Size+p.size-1)/p.size)
	head := fmt.Sprintf("bytes of a piece: %d\n", p.size)
	info, err := t.file.Stat()
	if err != nil {
		return nil, err
	}
	known := head
	switch text, err := os.ReadFile(name); {
	case errors.Is(err, fs.ErrNotExist): // what is there came in one transfer, from the first byte on
		for i := range min(info.Size()/p.size, int64(len(p.complete))) {
			known += fmt.Sprintln(i)
		}
	case err != nil:
		return nil, err
	case bytes.HasPrefix(text, []byte(head)): // with other pieces all begins anew
		known = string(text[:bytes.LastIndexByte(text, '\n')+1]) // the last line may be half written
	}
	for lines := bufio.NewScanner(strings.NewReader(known)); lines.Scan(); {
		i, err := strconv.Atoi(lines.Text())
		if err != nil || i < 0 || i >= len(p.complete) || p.complete[i] {
			continue
		}
		if from, to := p.span(i); to <= info.Size() {
			p.complete[i] = true
			p.arrived += to - from
		}
	}
	if p.journal, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666); err != nil {
		return nil, err
	}
	if _, err := p.journal.WriteString(known); err != nil {
		return nil, errors.Join(err, p.journal.Close())
	}
	t.progress(t.want, p.arrived)
	return p, nil
}

// span is from which byte to before which a piece is.
func (p *pieces) span(i int) (from, to int64) {
	return int64(i) * p.size, min(int64(i+1)*p.size, p.want.Size)
}

// fetchPieces brings all missing pieces; the first failure stops the others.
func (t *transfer) fetchPieces(ctx context.Context, name string) (err error) {
	p, err := t.openPieces(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.journal.Close()) }()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan int)
	var workers sync.WaitGroup
	for range cmp.Or(t.client.Parallel, 4) {
		workers.Go(func() {
			for i := range queue {
				if err := fault.Catch(func() error { return p.fetchOne(ctx, i) }); err != nil {
					stop(err)
				}
			}
		})
	}
	for i, complete := range p.complete {
		if !complete && ctx.Err() == nil {
			select {
			case queue <- i:
			case <-ctx.Done():
			}
		}
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

// fetchOne brings one piece, through as many broken connections as it takes.
func (p *pieces) fetchOne(ctx context.Context, i int) error {
	from, to := p.span(i)
	at := from
	err := p.client.retry(ctx, func() (bool, error) {
		before := at
		err := p.client.stream(ctx, p.address, fmt.Sprintf("bytes=%d-%d", at, to-1), func(response *http.Response, alive func()) error {
			switch response.StatusCode {
			case http.StatusPartialContent:
			case http.StatusOK:
				return errNoRanges
			default:
				return statusError(response)
			}
			if got := response.Header.Get("Content-Range"); rangeStart(got) != at {
				return finalError{fmt.Errorf("asked for bytes from %d on, got Content-Range %q", at, got)}
			}
			return p.copyPiece(response.Body, &at, to, alive)
		})
		return at > before, err
	})
	if err != nil {
		return fmt.Errorf("at byte %d of %d: %w", at, p.want.Size, err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_, err = fmt.Fprintln(p.journal, i)
	return err
}

// copyPiece takes bytes until the piece is complete or the connection breaks.
func (p *pieces) copyPiece(body io.Reader, at *int64, to int64, alive func()) error {
	buffer := make([]byte, 1<<18)
	for *at < to {
		n, err := body.Read(buffer[:min(int64(len(buffer)), to-*at)])
		if n > 0 {
			alive()
			if _, err := p.file.WriteAt(buffer[:n], *at); err != nil {
				return finalError{err}
			}
			*at += int64(n)
			p.mutex.Lock()
			p.arrived += int64(n)
			p.progress(p.want, p.arrived)
			p.mutex.Unlock()
		}
		if err != nil && *at < to {
			return fmt.Errorf("the connection ended at byte %d: %w", *at, err)
		}
	}
	return nil
}
