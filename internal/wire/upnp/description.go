package upnp

import (
	"net/url"
	"slices"
)

// maxServices bounds the services of a description that can map ports.
const maxServices = 8

// ServiceTypes are the services that map ports, the best first.
var ServiceTypes = []string{
	"urn:schemas-upnp-org:service:WANIPConnection:2",
	"urn:schemas-upnp-org:service:WANIPConnection:1",
	"urn:schemas-upnp-org:service:WANPPPConnection:1",
}

// Service is a service of a device, and the absolute URL at which it is called.
type Service struct{ Type, ControlURL string }

// ParseDescription reads the description of a device that was found at location, and returns its services that map ports, the
// best first. Whether their URLs may be called is the caller's to judge.
func ParseDescription(b []byte, location string) ([]Service, error) {
	base, err := url.Parse(location)
	if err != nil {
		return nil, &FormatError{"a location that is no URL"}
	}
	var services []Service
	var now Service
	keep := func() {
		if slices.Contains(ServiceTypes, now.Type) && now.ControlURL != "" && len(services) < maxServices && !slices.Contains(services, now) {
			services = append(services, now)
		}
		now = Service{}
	}
	err = walk(b, func(path []string) {
		if path[len(path)-1] == "service" {
			keep()
		}
	}, func(l leaf) {
		switch {
		case l.within("service", "serviceType"):
			now.Type = l.text
		case l.within("service", "controlURL"):
			now.ControlURL = l.text
		case l.within("root", "URLBase") && l.text != "":
			if u, err := url.Parse(l.text); err == nil && u.IsAbs() {
				base = u
			}
		}
	})
	if err != nil {
		return nil, err
	}
	keep()
	services = slices.DeleteFunc(services, func(s Service) bool { _, err := base.Parse(s.ControlURL); return err != nil })
	for i, s := range services {
		u, _ := base.Parse(s.ControlURL) // it has just been parsed
		services[i].ControlURL = u.String()
	}
	slices.SortStableFunc(services, func(a, b Service) int {
		return slices.Index(ServiceTypes, a.Type) - slices.Index(ServiceTypes, b.Type)
	})
	return services, nil
}
