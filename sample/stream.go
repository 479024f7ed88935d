package sample

import (
	"context"

	"github.com/gowalrus/walrus/internal/fault"
)

// Stream reads batches ahead of need, in order, in a goroutine of its own.
type Stream struct {
	cancel  context.CancelFunc
	results chan result
}

type result struct {
	batch *Batch
	err   error
}

// Batches is what a stream reads from; a Sampler is one.
type Batches interface {
	Batch(ctx context.Context, n uint64) (*Batch, error)
}

// NewStream begins to read batch first, first+1, ...; at most ahead batches wait in memory beside the one being read.
// Close ends it, and so does ctx.
func NewStream(ctx context.Context, from Batches, first uint64, ahead int) *Stream {
	ctx, cancel := context.WithCancel(ctx)
	s := &Stream{cancel: cancel, results: make(chan result, max(0, ahead))}
	go func() {
		defer close(s.results)
		for n := first; ; n++ {
			var batch *Batch
			err := fault.Catch(func() (err error) { batch, err = from.Batch(ctx, n); return err })
			select {
			case s.results <- result{batch, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

// Next waits for the next batch. After an error it returns no more batches.
func (s *Stream) Next(ctx context.Context) (*Batch, error) {
	select {
	case r, open := <-s.results:
		if !open {
			return nil, context.Canceled
		}
		return r.batch, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close stops reading and waits until the goroutine has ended, so that files can be closed.
func (s *Stream) Close() {
	s.cancel()
	for range s.results { // drain until the reader has closed the channel
	}
}
