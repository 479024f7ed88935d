// Package campaign tries to break the program, at a scale that the ordinary suite has no time for: `make campaign`.
//
// The one idea: nothing is tried in the process that judges it. Mutated files are read in a child process, commands are the
// program itself, killed, stopped or starved of disk from outside, so that a crash of libhdf5, a hang and a run out of memory
// are findings with a seed and a kept file, and not the end of the campaign.
//
// All of it is in tests with the build tag campaign. docs/reliability.md says what is tried and what was found.
package campaign
