package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/gowalrus/walrus/weights"
)

// builtIn begins the path of a file that this program carries: the model nano is builtIn + "nano".
const builtIn = "built-in:"

// opened is an open file on disk, or one that the program carries.
type opened interface {
	fs.File
	io.ReaderAt
}

// openFile opens a file at a path of either kind.
func openFile(path string) (opened, error) {
	name, inside := strings.CutPrefix(path, builtIn)
	if !inside {
		return os.Open(path)
	}
	f, err := weights.Open(name)
	if err != nil {
		return nil, err
	}
	s, ok := f.(opened)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s: not a file", path), f.Close())
	}
	return s, nil
}

// statFile is os.Stat for a path of either kind.
func statFile(path string) (fs.FileInfo, error) {
	name, inside := strings.CutPrefix(path, builtIn)
	if !inside {
		return os.Stat(path)
	}
	f, err := weights.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	return info, errors.Join(err, f.Close())
}
