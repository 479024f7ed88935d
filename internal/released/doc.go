// Package released finds the numbers that the released code computed for what surrounds the network (layout, scores,
// sampling, schedules), for the tests of the packages that they bind. README.md in the folder says what each file holds.
//
// The one idea: one copy in testdata, and the whole specification instead of it where that is at hand, so that another
// folder of the same format can be tried with WALRUS_SHARED.
package released
