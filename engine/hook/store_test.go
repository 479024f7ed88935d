package hook

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestProgramsAreFoundByAllThatTheyWereMadeFrom(t *testing.T) {
	s := store{t.TempDir(), 1 << 20}
	parts := func(texts ...string) (list [][]byte) {
		for _, text := range texts {
			list = append(list, []byte(text))
		}
		return list
	}
	file := s.file(parts("program", "options")...)
	if got := s.get(file); got != nil {
		t.Errorf("before it is kept there is %q", got)
	}
	if err := s.put(file, []byte("compiled")); err != nil {
		t.Fatal(err)
	}
	if got := s.get(s.file(parts("program", "options")...)); string(got) != "compiled" {
		t.Errorf("kept is %q", got)
	}
	for _, other := range [][]string{{"program", "option"}, {"programo", "ptions"}, {"program", "options", ""}, {"options", "program"}} {
		if got := s.get(s.file(parts(other...)...)); got != nil {
			t.Errorf("%q was found as %q", other, got)
		}
	}
}

func TestADamagedProgramIsNoneAndIsReplaced(t *testing.T) {
	s := store{t.TempDir(), 1 << 20}
	file, program := s.file(nil), []byte("compiled program")
	if err := s.put(file, program); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		broken := bytes.Clone(whole)
		broken[at] ^= 4
		for _, content := range [][]byte{broken, whole[:at]} {
			if err := os.WriteFile(file, content, 0o666); err != nil {
				t.Fatal(err)
			}
			if got := s.get(file); got != nil {
				t.Fatalf("damaged at byte %d, %d of %d bytes: taken for %q", at, len(content), len(whole), got)
			}
		}
	}
	if err := s.put(file, program); err != nil || !bytes.Equal(s.get(file), program) {
		t.Errorf("over a damaged file %q was kept, %v", s.get(file), err)
	}
}

func TestTheProgramsUsedLongestAgoGo(t *testing.T) {
	s := store{t.TempDir(), 300}
	program := make([]byte, 50) // 82 bytes in a file: three are kept
	var files []string
	for i := range 4 {
		file := s.file([]byte{byte(i)})
		if i == 3 && s.get(files[0]) == nil { // the first is used again
			t.Fatal("the first is gone too soon")
		}
		if err := s.put(file, program); err != nil {
			t.Fatal(err)
		}
		if i < 3 {
			past := time.Now().Add(time.Duration(i-10) * time.Hour)
			if err := os.Chtimes(file, past, past); err != nil {
				t.Fatal(err)
			}
		}
		files = append(files, file)
	}
	for i, kept := range []bool{true, false, true, true} {
		if got := s.get(files[i]) != nil; got != kept {
			t.Errorf("program %d is kept: %v, want %v", i, got, kept)
		}
	}
}

func TestOtherVersionsOfAFileAreOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plugin.so")
	if got := Identity(file); got != "" {
		t.Errorf("of no file: %q", got)
	}
	var before string
	for _, c := range []struct {
		content string
		at      int64
	}{{"one", 1}, {"four", 1}, {"five", 2}} {
		if err := os.WriteFile(file, []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Unix(c.at, 0), time.Unix(c.at, 0)); err != nil {
			t.Fatal(err)
		}
		got := Identity(file)
		if got == before {
			t.Errorf("with %q of second %d it is still %q", c.content, c.at, got)
		}
		before = got
	}
}
