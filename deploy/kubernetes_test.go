package deploy_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// objects are the Kubernetes objects of all manifests by kind and name.
type objects map[string]runtime.Object

// loadObjects decodes every manifest. A field, version or kind that Kubernetes does not know is an error, and so is a
// field that stands twice.
func loadObjects(t *testing.T) objects {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, policyv1.AddToScheme, networkingv1.AddToScheme, autoscalingv2.AddToScheme,
	} {
		require.NoError(t, add(scheme))
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	found := objects{}
	for _, pattern := range []string{"kubernetes/*", "kubernetes/examples/*"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			if filepath.Ext(file) != ".yaml" {
				continue
			}
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
			for {
				document, err := documents.Read()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err, file)
				object, kind, err := decoder.Decode(document, nil, nil)
				require.NoError(t, err, file)
				meta, ok := object.(metav1.Object)
				require.True(t, ok)
				require.Empty(t, meta.GetNamespace(), "%s: who applies it chooses the namespace", file)
				name := kind.Kind + "/" + meta.GetName()
				require.NotContains(t, found, name)
				found[name] = object
			}
		}
	}
	return found
}

// object returns one that must be there.
func object[T runtime.Object](t *testing.T, all objects, name string) T {
	t.Helper()
	found, ok := all[name].(T)
	require.True(t, ok, "there is no %s", name)
	return found
}

var roles = []string{"authz", "gateway"}

func TestManifestsSelectThePodsOfTheirRole(t *testing.T) {
	all := loadObjects(t)
	for _, role := range roles {
		deployment := object[*appsv1.Deployment](t, all, "Deployment/gatehouse-"+role)
		service := object[*corev1.Service](t, all, "Service/gatehouse-"+role)
		budget := object[*policyv1.PodDisruptionBudget](t, all, "PodDisruptionBudget/gatehouse-"+role)
		policy := object[*networkingv1.NetworkPolicy](t, all, "NetworkPolicy/gatehouse")
		spread := deployment.Spec.Template.Spec.TopologySpreadConstraints
		require.Len(t, spread, 2)

		for _, of := range roles {
			pods := labels.Set(object[*appsv1.Deployment](t, all, "Deployment/gatehouse-"+of).Spec.Template.Labels)
			selects := func(selector *metav1.LabelSelector) bool {
				compiled, err := metav1.LabelSelectorAsSelector(selector)
				require.NoError(t, err)
				return compiled.Matches(pods)
			}
			require.Equal(t, of == role, selects(deployment.Spec.Selector))
			require.Equal(t, of == role, selects(budget.Spec.Selector))
			require.Equal(t, of == role, selects(spread[0].LabelSelector))
			require.Equal(t, of == role, selects(spread[1].LabelSelector))
			require.Equal(t, of == role, labels.SelectorFromSet(service.Spec.Selector).Matches(pods))
			require.True(t, selects(&policy.Spec.PodSelector))
		}
	}
	scaled := object[*autoscalingv2.HorizontalPodAutoscaler](t, all, "HorizontalPodAutoscaler/gatehouse-gateway").Spec
	require.Equal(t, autoscalingv2.CrossVersionObjectReference{
		APIVersion: "apps/v1", Kind: "Deployment", Name: "gatehouse-gateway",
	}, scaled.ScaleTargetRef)
	require.Nil(t, object[*appsv1.Deployment](t, all, "Deployment/gatehouse-gateway").Spec.Replicas,
		"or each apply undoes what the autoscaler did")
}

func TestPortsAreThoseTheServerListensOn(t *testing.T) {
	all := loadObjects(t)
	config := parseConfig(t, object[*corev1.ConfigMap](t, all, "ConfigMap/gatehouse").Data["config.yaml"])
	for _, role := range roles {
		ports := map[string]string{}
		for _, port := range container(t, all, role).Ports {
			ports[port.Name] = ":" + itoa(int(port.ContainerPort))
		}
		listens := map[string]string{"http": config.Listen, "admin": config.Admin.Listen}
		offers := []string{"http"} // the admin port is nobody's service
		if role == "authz" {
			listens["budgets"] = config.Budgets.Listen
			offers = append(offers, "budgets")
		}
		require.Equal(t, listens, ports)
		for i, port := range object[*corev1.Service](t, all, "Service/gatehouse-"+role).Spec.Ports {
			require.Equal(t, offers[i], port.TargetPort.String())
			require.Equal(t, ports[offers[i]], ":"+itoa(int(port.Port)))
		}
	}
	authz := object[*corev1.Service](t, all, "Service/gatehouse-authz")
	require.Equal(t, "http://"+authz.Name+":"+itoa(int(authz.Spec.Ports[0].Port))+"/.well-known/jwks.json", config.Keys.JWKSURL)
	require.Equal(t, "http://"+authz.Name+config.Budgets.Listen, config.Budgets.URL)

	policy := object[*networkingv1.NetworkPolicy](t, all, "NetworkPolicy/gatehouse")
	for _, rule := range policy.Spec.Ingress {
		require.Len(t, rule.Ports, 1)
		require.Equal(t, rule.Ports[0].Port.String() == "http", len(rule.From) == 0, "only the public port is for everyone")
		if rule.Ports[0].Port.String() == "budgets" {
			require.Nil(t, rule.From[0].NamespaceSelector)
			require.Equal(t, "gateway", rule.From[0].PodSelector.MatchLabels["app.kubernetes.io/component"])
		}
	}
	for _, rule := range object[*networkingv1.Ingress](t, all, "Ingress/gatehouse").Spec.Rules {
		require.Contains(t, config.Issuer, "://"+rule.Host)
		for _, path := range rule.HTTP.Paths {
			service := object[*corev1.Service](t, all, "Service/"+path.Backend.Service.Name)
			require.Equal(t, path.Path == "/", service.Name == "gatehouse-gateway", path.Path)
			require.Equal(t, service.Spec.Ports[0].Name, path.Backend.Service.Port.Name)
		}
	}
}

func container(t *testing.T, all objects, role string) corev1.Container {
	t.Helper()
	pod := object[*appsv1.Deployment](t, all, "Deployment/gatehouse-"+role).Spec.Template.Spec
	require.Len(t, pod.Containers, 1)
	return pod.Containers[0]
}

func TestPodsMayDoNothingButServe(t *testing.T) {
	all := loadObjects(t)
	account := object[*corev1.ServiceAccount](t, all, "ServiceAccount/gatehouse")
	require.False(t, *account.AutomountServiceAccountToken)
	for _, role := range roles {
		pod := object[*appsv1.Deployment](t, all, "Deployment/gatehouse-"+role).Spec.Template.Spec
		require.Equal(t, account.Name, pod.ServiceAccountName)
		require.False(t, *pod.AutomountServiceAccountToken)
		require.False(t, *pod.EnableServiceLinks)
		require.True(t, *pod.SecurityContext.RunAsNonRoot)
		require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
		inside := container(t, all, role)
		require.False(t, *inside.SecurityContext.AllowPrivilegeEscalation)
		require.True(t, *inside.SecurityContext.ReadOnlyRootFilesystem)
		require.Equal(t, []corev1.Capability{"ALL"}, inside.SecurityContext.Capabilities.Drop)
		require.False(t, inside.Resources.Limits.Memory().IsZero())
		require.False(t, inside.Resources.Requests.Cpu().IsZero(), "the autoscaler's percentage is of this")
		require.Contains(t, readFile(t, "../Dockerfile"), "USER "+itoa(int(*pod.SecurityContext.RunAsUser))+":")
	}
}

func TestPodsAreProbedAndHaveTimeToStop(t *testing.T) {
	all := loadObjects(t)
	config := parseConfig(t, object[*corev1.ConfigMap](t, all, "ConfigMap/gatehouse").Data["config.yaml"])
	for _, role := range roles {
		inside := container(t, all, role)
		require.Equal(t, []string{role}, inside.Args)
		for probe, path := range map[*corev1.Probe]string{
			inside.StartupProbe: "/healthz", inside.LivenessProbe: "/healthz", inside.ReadinessProbe: "/readyz",
		} {
			require.Equal(t, path, probe.HTTPGet.Path)
			require.Equal(t, "admin", probe.HTTPGet.Port.String())
		}
		pod := object[*appsv1.Deployment](t, all, "Deployment/gatehouse-"+role).Spec.Template.Spec
		require.Greater(t, time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second, config.Shutdown.Delay+config.Shutdown.Timeout)
		require.Positive(t, config.Shutdown.Delay)
		require.Zero(t, object[*appsv1.Deployment](t, all, "Deployment/gatehouse-"+role).Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
	}
}

func TestTheConfigMapIsOneTheServerLoads(t *testing.T) {
	all := loadObjects(t)
	secret := object[*corev1.Secret](t, all, "Secret/gatehouse").StringData
	for _, role := range roles {
		inside := container(t, all, role)
		pod := object[*appsv1.Deployment](t, all, "Deployment/gatehouse-"+role).Spec.Template.Spec
		volume := pod.Volumes[0]
		require.Equal(t, volume.Name, inside.VolumeMounts[0].Name)
		require.Equal(t, "/etc/gatehouse", inside.VolumeMounts[0].MountPath, "where the image looks for it")
		data := object[*corev1.ConfigMap](t, all, "ConfigMap/"+volume.ConfigMap.Name).Data
		require.Len(t, data, 1)
		config := writeFile(t, "config.yaml", data["config.yaml"])

		filled, empty := map[string]string{}, map[string]string{}
		for _, variable := range inside.Env {
			requireKnown(t, variable.Name)
			reference := variable.ValueFrom.SecretKeyRef
			require.Equal(t, "gatehouse", reference.Name)
			require.Contains(t, secret, reference.Key)
			require.Empty(t, secret[reference.Key])
			empty[variable.Name], filled[variable.Name] = "", secretValues[variable.Name]
		}
		output, err := check(t, role, config, filled)
		require.NoError(t, err, output)

		for name := range filled { // nothing starts with a placeholder, whichever was forgotten
			value := filled[name]
			filled[name] = ""
			output, err := check(t, role, config, filled)
			require.Error(t, err, "%s: %s may be empty: %s", role, name, output)
			filled[name] = value
		}
	}
}
