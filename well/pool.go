package well

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// mostOpen is how many files of a data set stay open while nobody reads them.
const mostOpen = 64

// pool keeps the files of a data set open between reads, the least recently used ones being closed first.
type pool struct {
	paths  []string
	mu     sync.Mutex
	files  map[int]*pooled
	clock  int
	closed bool
}

type pooled struct {
	*File
	readers int
	used    int // the pool's clock when last asked for
}

func newPool(paths []string) *pool { return &pool{paths: paths, files: map[int]*pooled{}} }

// open gives file i and a function to be called when it is no longer needed.
func (p *pool) open(i int) (*File, func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, fmt.Errorf("well: %s: %w", p.paths[i], fs.ErrClosed)
	}
	f := p.files[i]
	if f == nil {
		opened, err := Open(p.paths[i])
		if err != nil {
			return nil, nil, err
		}
		f = &pooled{File: opened}
		p.files[i] = f
	}
	f.readers++
	p.clock++
	f.used = p.clock
	return f.File, func() { p.release(f) }, nil
}

// release notes that a reader is done, and closes the file that was unused for longest if there are too many.
func (p *pool) release(f *pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.readers--
	oldest := -1
	for i, g := range p.files {
		if g.readers == 0 && (oldest < 0 || g.used < p.files[oldest].used) {
			oldest = i
		}
	}
	if oldest >= 0 && (len(p.files) > mostOpen || p.closed) {
		_ = p.files[oldest].Close() // opened for reading: nothing can be lost
		delete(p.files, oldest)
	}
}

// close closes the files that nobody reads, and refuses new readers; the others close with their last reader.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for i, f := range p.files {
		if f.readers == 0 {
			errs = append(errs, f.Close())
			delete(p.files, i)
		}
	}
	return errors.Join(errs...)
}
