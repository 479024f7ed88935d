package well

import (
	"bytes"
	"encoding/gob"
	"fmt"
)

// Sharing divides the files of a data set among processes: process i of n reads files i, i+n, i+2n, ...
type Sharing struct {
	Process, Processes int
	// Share sends a message to all processes and returns those of all, in their order.
	Share func(message []byte) ([][]byte, error)
}

// mine says whether this process reads a file.
func (s *Sharing) mine(file int) bool { return s == nil || file%s.Processes == s.Process }

// join returns the moments of the frames of all files in their order, from those of the files that this process has read.
func (s *Sharing) join(own [][]float64, files int) ([][]float64, error) {
	if s == nil {
		return own, nil
	}
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(own); err != nil {
		return nil, fmt.Errorf("well: %w", err)
	}
	texts, err := s.Share(text.Bytes())
	if err != nil {
		return nil, err
	}
	lists := make([][][]float64, len(texts))
	for i, text := range texts {
		if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&lists[i]); err != nil {
			return nil, fmt.Errorf("well: statistics of process %d: %w", i, err)
		}
	}
	all := make([][]float64, files)
	for i := range all {
		list := lists[i%len(lists)]
		if i/len(lists) >= len(list) {
			return nil, fmt.Errorf("well: process %d has read %d of %d files; expected more", i%len(lists), len(list), files)
		}
		all[i] = list[i/len(lists)]
	}
	return all, nil
}
