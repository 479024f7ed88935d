package hook

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// store keeps compiled programs in the files of a folder. A file is the SHA-256 of the rest and then a program, and its name is
// a hash of all that the compiler's work depends on.
type store struct {
	folder string
	limit  int64 // bytes of all files; those that were used the longest time ago go
}

// file is where a program is that was made from some parts.
func (s store) file(parts ...[]byte) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(part)))) // no two lists of parts are the same text
		h.Write(part)
	}
	return filepath.Join(s.folder, hex.EncodeToString(h.Sum(nil)))
}

// get returns the program in a file; nil where there is none, or a damaged one.
func (s store) get(file string) []byte {
	content, err := os.ReadFile(file)
	if err != nil || len(content) < sha256.Size || sha256.Sum256(content[sha256.Size:]) != [sha256.Size]byte(content) {
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(file, now, now) // that it was used; where it can not be noted, it goes sooner
	return content[sha256.Size:]
}

// put writes a program into its file, and removes others if all are too large.
func (s store) put(file string, program []byte) error {
	if err := os.MkdirAll(s.folder, 0o777); err != nil {
		return err
	}
	sum := sha256.Sum256(program)
	err := atomicfile.Write(file, func(w io.Writer) error {
		if _, err := w.Write(sum[:]); err != nil {
			return err
		}
		_, err := w.Write(program)
		return err
	})
	if err != nil {
		return err
	}
	return s.trim()
}

// trim removes what is beyond the limit.
func (s store) trim() error {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return err
	}
	var files []os.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && len(e.Name()) == hex.EncodedLen(sha256.Size) {
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var total int64
	for _, f := range files {
		if total += f.Size(); total > s.limit {
			err = cmp.Or(err, os.Remove(filepath.Join(s.folder, f.Name())))
		}
	}
	return err
}

// Identity says in a text which versions of files are there, so that what was made with others is not taken for theirs.
func Identity(files ...string) string {
	text := ""
	for _, file := range files {
		if real, err := filepath.EvalSymlinks(file); err == nil {
			file = real
		}
		if info, err := os.Stat(file); err == nil {
			text += fmt.Sprintf("%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
		}
	}
	return text
}
