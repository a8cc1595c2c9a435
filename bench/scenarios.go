package bench

import "github.com/potluck-p2p/potluck/test/peers"

// Scenarios are all scenarios, in the order of RESULTS.md.
func Scenarios(p Programs) []Scenario {
	return []Scenario{
		Hash(p, peers.V1), Hash(p, peers.V2), Hash(p, peers.Hybrid), Recheck(p), Start(p, 1000), Start(p, 10_000), Start(p, 20_000), IdlePeers(p), IdleNode(p), IdleNodeInDHT(p), Fifty(p),
		TCP(p, peers.V1), TCP(p, peers.Hybrid), MSE(p, peers.V1), MSE(p, peers.Hybrid), Cross(p, peers.V1),
		Swarm(p), Seeds(p), Files(p), FirstMiB(p),
		UTPLoopback(p, peers.V1), UTPLoopback(p, peers.Hybrid), UTPLossy(p), UTPYields(p),
	}
}
