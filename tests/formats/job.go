package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// readJobs decodes every document with Kubernetes' types, unknown and doubled fields refused, and holds the pods of
// jobs against the restricted Pod Security Standard, those of daemon sets against what they need beyond it.
func readJobs(body []byte) (any, error) {
	kinds := []string{}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(body)))

	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return map[string]any{"kinds": kinds}, nil
		}

		if err != nil {
			return nil, err
		}

		kind, err := readObject(document)
		if err != nil {
			return nil, err
		}

		kinds = append(kinds, kind)
	}
}

func readObject(document []byte) (string, error) {
	var meta metav1.TypeMeta

	if err := yaml.Unmarshal(document, &meta); err != nil {
		return "", err
	}

	switch meta.APIVersion + "/" + meta.Kind {
	case "batch/v1/Job":
		var job batchv1.Job

		if err := yaml.UnmarshalStrict(document, &job); err != nil {
			return "", err
		}

		return meta.Kind, checkJob(&job)
	case "apps/v1/DaemonSet":
		var set appsv1.DaemonSet

		if err := yaml.UnmarshalStrict(document, &set); err != nil {
			return "", err
		}

		return meta.Kind, checkDaemonSet(&set)
	case "v1/ConfigMap":
		return meta.Kind, yaml.UnmarshalStrict(document, &corev1.ConfigMap{})
	case "v1/PersistentVolumeClaim":
		return meta.Kind, yaml.UnmarshalStrict(document, &corev1.PersistentVolumeClaim{})
	case "v1/Namespace":
		return meta.Kind, yaml.UnmarshalStrict(document, &corev1.Namespace{})
	default:
		return "", fmt.Errorf("unexpected object %s %s", meta.APIVersion, meta.Kind)
	}
}

// checkContainers asks for names, images, resources and volumes that are there.
func checkContainers(pod *corev1.PodSpec) error {
	volumes := map[string]bool{}

	for _, volume := range pod.Volumes {
		volumes[volume.Name] = true
	}

	containers := append(append([]corev1.Container{}, pod.InitContainers...), pod.Containers...)

	for _, container := range containers {
		if container.Name == "" || container.Image == "" {
			return errors.New("a container without name or image")
		}

		if len(container.Resources.Limits) == 0 || len(container.Resources.Requests) == 0 {
			return fmt.Errorf("container %s has no resources", container.Name)
		}

		for name, request := range container.Resources.Requests {
			if limit, ok := container.Resources.Limits[name]; ok && request.Cmp(limit) > 0 {
				return fmt.Errorf("container %s requests more %s than its limit", container.Name, name)
			}
		}

		for _, mount := range container.VolumeMounts {
			if !volumes[mount.Name] {
				return fmt.Errorf("container %s mounts %s, which is no volume", container.Name, mount.Name)
			}
		}
	}

	return nil
}

// checkDaemonSet asks what the API server asks of a daemon set, and that its pods break the baseline Pod Security
// Standard by folders of the host alone.
func checkDaemonSet(set *appsv1.DaemonSet) error {
	spec := set.Spec
	pod := spec.Template.Spec

	selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
	if err != nil {
		return err
	}

	if selector.Empty() || !selector.Matches(labels.Set(spec.Template.Labels)) {
		return errors.New("the selector does not select the template's pods")
	}

	if pod.RestartPolicy != "" && pod.RestartPolicy != corev1.RestartPolicyAlways {
		return fmt.Errorf("restartPolicy %q is not one that a daemon set may have", pod.RestartPolicy)
	}

	if err := checkContainers(&pod); err != nil {
		return err
	}

	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}

	for level, allowed := range map[api.Level]string{
		api.LevelBaseline:   "hostPath volumes",
		api.LevelRestricted: "restricted volume types, runAsNonRoot != true, runAsUser=0",
	} {
		version := api.LevelVersion{Level: level, Version: api.LatestVersion()}
		results := evaluator.EvaluatePod(version, &spec.Template.ObjectMeta, &pod)
		verdict := policy.AggregateCheckResults(results)

		for _, reason := range verdict.ForbiddenReasons {
			if !strings.Contains(allowed+", hostPath volumes", reason) {
				return fmt.Errorf("beyond what it needs: %s (%s)", reason, verdict.ForbiddenDetail())
			}
		}
	}

	return nil
}

// checkJob asks what the API server asks of an indexed job, and what the restricted standard asks of its pods.
func checkJob(job *batchv1.Job) error {
	spec := job.Spec

	if job.Name == "" {
		return errors.New("the job has no name")
	}

	if spec.CompletionMode == nil || *spec.CompletionMode != batchv1.IndexedCompletion {
		return errors.New("the job is not indexed")
	}

	if spec.Completions == nil || spec.Parallelism == nil || *spec.Parallelism > *spec.Completions {
		return errors.New("completions and parallelism do not fit")
	}

	pod := spec.Template.Spec

	if pod.RestartPolicy != corev1.RestartPolicyNever && pod.RestartPolicy != corev1.RestartPolicyOnFailure {
		return fmt.Errorf("restartPolicy %q is not one that a job may have", pod.RestartPolicy)
	}

	if err := checkContainers(&pod); err != nil {
		return err
	}

	if err := checkFailurePolicy(&spec); err != nil {
		return err
	}

	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}

	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	results := evaluator.EvaluatePod(level, &spec.Template.ObjectMeta, &pod)
	verdict := policy.AggregateCheckResults(results)

	if !verdict.Allowed {
		return fmt.Errorf("not restricted: %s", verdict.ForbiddenDetail())
	}

	return nil
}

// checkFailurePolicy asks what the API server asks of the rules for failed pods.
func checkFailurePolicy(spec *batchv1.JobSpec) error {
	if spec.PodFailurePolicy == nil {
		return nil
	}

	if spec.Template.Spec.RestartPolicy != corev1.RestartPolicyNever {
		return errors.New("a pod failure policy needs restartPolicy Never")
	}

	for _, rule := range spec.PodFailurePolicy.Rules {
		if rule.Action == batchv1.PodFailurePolicyActionFailIndex && spec.BackoffLimitPerIndex == nil {
			return errors.New("FailIndex needs backoffLimitPerIndex")
		}

		if (rule.OnExitCodes == nil) == (len(rule.OnPodConditions) == 0) {
			return errors.New("a rule has either exit codes or conditions")
		}

		if rule.OnExitCodes == nil {
			continue
		}

		if !slices.IsSorted(rule.OnExitCodes.Values) || slices.Contains(rule.OnExitCodes.Values, 0) {
			return errors.New("exit codes must be sorted and not 0")
		}

		named := func(container corev1.Container) bool {
			return rule.OnExitCodes.ContainerName == nil || container.Name == *rule.OnExitCodes.ContainerName
		}

		if !slices.ContainsFunc(spec.Template.Spec.Containers, named) {
			return errors.New("a rule names a container that is not there")
		}
	}

	return nil
}
