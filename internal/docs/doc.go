// Package docs has no code, only the tests that hold the documentation to the source: what docs, README.md, CONTRIBUTING.md
// and CHANGELOG.md name is there, and packages import each other in the order of docs/architecture.md.
//
// The one idea: a sentence about the source that no test reads is wrong after the next change.
package docs
