// Package atomicfile writes files that are either complete or absent.
//
// The one idea: bytes go to a temporary file in the target's folder, reach the disk (fsync), and only then take the
// target's name (rename, which is atomic within a file system). A crash, a full disk or Ctrl-C leaves the old file as it was.
package atomicfile
