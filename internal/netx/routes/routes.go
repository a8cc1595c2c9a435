// Package routes knows the router behind an interface of this machine, from the routes of the kernel where that tells them.
package routes
