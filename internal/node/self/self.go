// Package self is who a node is to others: the names that it gives itself, and the key that it proves. Who is anonymous has neither,
// and is somebody else for each object.
package self
