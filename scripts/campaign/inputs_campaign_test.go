//go:build campaign

package campaign

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Bounds of a campaign over inputs.
const (
	mostMemory = 2 << 20 // kilobytes
	batch      = 2000    // cases of a child
	mostFaults = 50      // findings of a kind, after which it is given up
)

// TestMutatedInputsAreReadOrRefused holds every reader of bytes from outside to three promises: no crash, no case of more than 20
// seconds, and no more than 2 GiB of memory.
func TestMutatedInputsAreReadOrRefused(t *testing.T) {
	for _, k := range kinds() {
		t.Run(strings.ReplaceAll(k.name, " ", "-"), func(t *testing.T) {
			state := proceed(t, k.name, *cases, func(state *tally) { runChild(t, k.name, state, min(batch, *cases-state.Done)) })
			t.Logf("%s: %d cases, %v, %d findings, at most %d MB and %.2f s of the processor a case, %.0f s", k.name, state.Done, state.Outcomes, len(state.Findings), state.PeakMB, state.Slowest, state.Seconds)
			for _, f := range state.Findings {
				t.Error(f)
			}
		})
	}
}

// event is a line of the child, or its end.
type event struct {
	words []string
	ended bool
}

// runChild has the next cases read by a child. One that breaks a promise ends the child, and counts.
func runChild(t *testing.T, name string, state *tally, n int) {
	t.Helper()
	scratch, err := os.MkdirTemp("", "walrus-campaign-child-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(scratch)
	first := *seed + uint64(state.Done)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d|%d", childVariable, name, scratch, first, first+uint64(n)), "GOTRACEBACK=all", "TMPDIR="+scratch)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan event)
	go listen(stdout, events)

	current, file, began, used := uint64(0), "", time.Now(), time.Duration(0)
	found := func(what string) {
		kept := filepath.Join(*home, "kept", fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(name, " ", "-"), current, filepath.Base(file)))
		content, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(kept, content, 0o666)
		}
		if err == nil {
			err = os.WriteFile(kept+".log", stderr.Bytes(), 0o666)
		}
		state.Findings = append(state.Findings, fmt.Sprintf("seed %d: %s: %s (%v)", current, what, kept, err))
		state.Outcomes["finding: "+what]++
	}
	hung, working := false, false
	watch := time.NewTimer(time.Minute) // until the first case
	defer watch.Stop()
	for open := true; open; {
		select {
		case <-watch.C:
			if left := timeLimit - (processorTime(cmd.Process.Pid) - used); left > 0 && time.Since(began) < idleLimit {
				watch.Reset(left) // other programs have had the processor
				continue
			}
			hung = true
			_ = cmd.Process.Signal(syscall.SIGQUIT) // says where it hangs
			time.AfterFunc(3*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		case e := <-events:
			switch {
			case e.ended:
				open = false
			case e.words[0] == "case":
				current, _ = strconv.ParseUint(e.words[1], 10, 64)
				file, began, working, used = e.words[2], time.Now(), true, processorTime(cmd.Process.Pid)
				watch.Reset(timeLimit)
			case e.words[0] == "done":
				working = false
				outcome := strings.ReplaceAll(e.words[1], "_", " ")
				state.Done++
				state.Outcomes[outcome]++
				state.Slowest = max(state.Slowest, (processorTime(cmd.Process.Pid) - used).Seconds())
				kb, _ := strconv.Atoi(e.words[2])
				state.PeakMB = max(state.PeakMB, kb>>10)
				if kb > mostMemory {
					found("more than 2 GiB of memory")
				}
				if outcome == panicked || outcome == spoiled {
					found(outcome)
				}
			}
		}
	}
	err = cmd.Wait()
	switch {
	case hung && working:
		state.Done++
		found("more than 20 s")
	case err != nil && working:
		state.Done++
		found("crash")
	case err != nil || hung:
		t.Fatalf("the child failed: %v\n%s", err, stderr.String())
	}
}

// processorTime is what a process has used of the processors, to a hundredth of a second.
func processorTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	words := strings.Fields(rest)
	if len(words) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(words[11])
	system, _ := strconv.Atoi(words[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// listen passes a child's lines on.
func listen(from io.Reader, to chan<- event) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) >= 3 {
			to <- event{words: words}
		}
	}
	to <- event{ended: true}
}
