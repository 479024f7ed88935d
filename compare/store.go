package compare

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/score"
)

// What files of scores say of themselves.
const (
	scoresFormat  = "walrus scores of a trajectory"
	scoresVersion = 1
)

// part holds the scores of a model on one trajectory: those one step ahead and those of the rollout, by field and metric.
type part struct {
	Trajectory int      `json:"trajectory"`
	Singles    []series `json:"single_steps"`
	Rollouts   []series `json:"rollout"`
}

// series has the scores of a field by a metric, one a step.
type series struct {
	Field       string         `json:"field"`
	Metric      string         `json:"metric"`
	Frames      []int          `json:"frames"`
	Score       []report.Value `json:"score"`
	Persistence []report.Value `json:"persistence"`
}

// partOf takes what a score says of one trajectory.
func partOf(trajectory int, r *score.Result) part {
	list := func(all []score.Series) []series {
		out := make([]series, 0, len(all))
		for _, s := range all {
			out = append(out, series{s.Field, s.Metric, s.Frames, report.Values(s.Score), report.Values(s.Persistence)})
		}
		return out
	}
	return part{trajectory, list(r.SingleSteps()), list(r.Rollouts())}
}

// scoresFile is a part on disk.
type scoresFile struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Key     string          `json:"key"`
	Sum     string          `json:"sha256"` // of the scores, compact
	Scores  json.RawMessage `json:"scores"`
}

// store is the folder of scores that were computed.
type store struct{ folder string }

// path is the file of a trajectory.
func (s store) path(key string, trajectory int) string {
	return filepath.Join(s.folder, key, fmt.Sprintf("trajectory-%06d.json", trajectory))
}

// describe writes beside the scores what they are of, for people.
func (s store) describe(id identity, about map[string]string) error {
	folder := filepath.Join(s.folder, id.key())
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	return atomicfile.Write(filepath.Join(folder, "about.json"), func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"about": about, "identity": id})
	})
}

// write keeps a part.
func (s store) write(key string, p part) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	sum := sha256.Sum256(text)
	path := s.path(key, p.Trajectory)
	return atomicfile.Write(path, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(scoresFile{scoresFormat, scoresVersion, key, hex.EncodeToString(sum[:]), text})
	})
}

// mostScores bounds a file of scores, in bytes.
const mostScores = 1 << 30

// read finds a part that was kept; false where there is none. A file that is not whole, of another version or of something else is an error that names it:
// it is never taken for what it is not, and never replaced in silence.
func (s store) read(key string, trajectory int) (part, bool, error) {
	var p part
	path := s.path(key, trajectory)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	fail := func(format string, args ...any) (part, bool, error) {
		return part{}, false, fmt.Errorf("compare: %s: %s; remove the file to have it computed again, or name another folder for the results", path, fmt.Sprintf(format, args...))
	}
	if err != nil {
		return fail("%v", err)
	}
	if info.Size() > mostScores {
		return fail("%d bytes; expected at most %d", info.Size(), mostScores)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail("%v", err)
	}
	return parseScores(text, key, trajectory, fail)
}

// parseScores reads the text of a file of scores.
func parseScores(text []byte, key string, trajectory int, fail func(format string, args ...any) (part, bool, error)) (part, bool, error) {
	var f scoresFile
	if err := json.Unmarshal(text, &f); err != nil {
		return fail("not whole: %v", err)
	}
	if f.Format != scoresFormat || f.Version != scoresVersion {
		return fail("holds %q, version %d; expected %q, version %d", f.Format, f.Version, scoresFormat, scoresVersion)
	}
	if f.Key != key {
		return fail("holds the scores of %s; expected those of %s", f.Key, key)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, f.Scores); err != nil {
		return fail("not whole: %v", err)
	}
	if sum := sha256.Sum256(compact.Bytes()); hex.EncodeToString(sum[:]) != f.Sum {
		return fail("its scores do not have the sum that was written with them: it was changed or is damaged")
	}
	var p part
	if err := json.Unmarshal(f.Scores, &p); err != nil {
		return fail("%v", err)
	}
	if p.Trajectory != trajectory {
		return fail("holds trajectory %d", p.Trajectory)
	}
	for _, s := range append(p.Singles, p.Rollouts...) {
		if len(s.Persistence) != len(s.Score) {
			return fail("field %s: %d scores, %d of persistence", s.Field, len(s.Score), len(s.Persistence))
		}
	}
	return p, true, nil
}
