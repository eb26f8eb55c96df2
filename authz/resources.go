package authz

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"github.com/ory/fosite"

	"gatehouse/authz/page"
	"gatehouse/registry"
)

// resourceField is the one parameter that a request may have several times.
const resourceField = "resource"

// Resource is what an access token can be for.
type Resource struct {
	URL  string // the aud of its tokens
	Name string // what users are told it is called; empty: they are told the URL
}

// resources finds what clients ask for (RFC 8707).
type resources struct {
	issuer string
	// find is nil where there is the issuer's own alone.
	find func(indicator string) (Resource, bool)
}

var errInvalidTarget = &fosite.RFC6749Error{
	ErrorField: "invalid_target", DescriptionField: "The requested resource is invalid, missing, unknown, or malformed.",
	CodeField: http.StatusBadRequest,
}

// read are the resources that a request names, each once; none where it names none.
func (r resources) read(form url.Values) (named []Resource, err error) {
	for _, indicator := range form[resourceField] {
		found, known := r.lookUp(indicator)
		if !known {
			return nil, errInvalidTarget.WithHintf("There is no resource '%s' here.", indicator)
		}
		if !slices.Contains(named, found) {
			named = append(named, found)
		}
	}
	return named, nil
}

func (r resources) lookUp(indicator string) (Resource, bool) {
	if r.find != nil {
		return r.find(indicator)
	}
	return Resource{URL: r.issuer}, indicator == r.issuer || indicator == r.issuer+"/"
}

// audience is whom a token under the grant is for: what the request names, which has to be among what the user has allowed, or all of
// that. The grant keeps all of its own.
func (r resources) audience(grant registry.Grant, form url.Values) ([]string, error) {
	allowed := r.of(grant.Resources)
	named, err := r.read(form)
	if err != nil || len(named) == 0 {
		return allowed, err
	}
	for _, resource := range named {
		if !slices.Contains(allowed, resource.URL) {
			return nil, errInvalidTarget.WithHintf("The resource '%s' was not granted.", resource.URL)
		}
	}
	return urlsOf(named), nil
}

// audienceOfClient is whom a token of the client's own is for.
func (r resources) audienceOfClient(form url.Values) ([]string, error) {
	named, err := r.read(form)
	return r.of(urlsOf(named)), err
}

// of are the resources of a grant, which says nothing of the issuer's own where that is the only one.
func (r resources) of(granted []string) []string {
	if len(granted) == 0 {
		return []string{r.issuer}
	}
	return granted
}

// toGrant is the reverse of that.
func (r resources) toGrant(named []Resource) []string {
	urls := urlsOf(named)
	if len(urls) == 1 && urls[0] == r.issuer {
		return nil
	}
	return urls
}

// cover reports whether a grant for some resources is one for others, too.
func (r resources) cover(granted, asked []string) bool {
	all := r.of(granted)
	return !slices.ContainsFunc(r.of(asked), func(url string) bool { return !slices.Contains(all, url) })
}

// told are what the user is told of: where the access is good, unless that is where it always was.
func (r resources) told(named []Resource) (told []page.Resource) {
	if len(r.toGrant(named)) == 0 {
		return nil
	}
	for _, resource := range named {
		told = append(told, page.Resource{Name: resource.Name, URL: resource.URL})
	}
	return told
}

// ofGrants are those of what a user has granted, where "" is the issuer's own, as the user is told of them.
func (r resources) ofGrants(granted []string) []page.Resource {
	var named []Resource
	for _, url := range granted {
		url = cmp.Or(url, r.issuer)
		found, _ := r.lookUp(url)
		if found.URL != url { // it is none any more
			found = Resource{URL: url}
		}
		if !slices.Contains(named, found) {
			named = append(named, found)
		}
	}
	return r.told(named)
}

func urlsOf(named []Resource) (urls []string) {
	for _, resource := range named {
		urls = append(urls, resource.URL)
	}
	return urls
}
