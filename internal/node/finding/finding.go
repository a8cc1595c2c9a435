// Package finding is a node's part in where peers are found without a tracker: the DHT (dht) and the local network (lan). Each is told
// what the objects of the node are doing, and hands peers to the swarm whose info-hash they are found by, as far as strangers may name
// them there. Of the DHT it is also found out what others find there (reach). Nothing is said anywhere of private objects.
package finding
