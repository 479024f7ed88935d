package well

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Sampling is how much of a data file stands for its content where reading all of it would be reading the data.
type Sampling struct {
	Whole  int64 // bytes up to which a file is read whole
	Pieces int   // of a larger file, evenly spread from its first to its last byte; at least 2
	Length int   // of a piece, in bytes
}

// Fingerprint writes what tells a file from others to a hash, and gives the file's size in bytes: all of its content, or pieces of it.
// A change between the pieces of a large file is not seen.
func Fingerprint(to io.Writer, path string, s Sampling) (size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("well: %w", err)
	}
	defer f.Close() // it was only read
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("well: %w", err)
	}
	size = info.Size()
	if size <= max(s.Whole, int64(s.Length)) {
		if _, err := io.Copy(to, f); err != nil {
			return 0, fmt.Errorf("well: %s: %w", path, err)
		}
		return size, nil
	}
	piece := make([]byte, s.Length)
	for i := range int64(s.Pieces) {
		n, err := f.ReadAt(piece, (size-int64(s.Length))*i/int64(s.Pieces-1))
		if err != nil && !errors.Is(err, io.EOF) { // a file that shrinks meanwhile gives what it still has
			return 0, fmt.Errorf("well: %s: %w", path, err)
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return 0, fmt.Errorf("well: %s: %w", path, err)
		}
	}
	return size, nil
}
