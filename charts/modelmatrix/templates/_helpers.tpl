{{- define "modelmatrix.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "modelmatrix.selector" -}}
app.kubernetes.io/name: modelmatrix-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "modelmatrix.labels" -}}
{{ include "modelmatrix.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: modelmatrix
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "modelmatrix.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}{{ default (include "modelmatrix.fullname" .) .Values.serviceAccount.name }}
{{- else -}}{{ default "default" .Values.serviceAccount.name }}{{- end -}}
{{- end -}}

{{- define "modelmatrix.image" -}}
{{- $name := .Values.image.repository -}}
{{- if .Values.global.imageRegistry }}{{ $name = printf "%s/%s" .Values.global.imageRegistry $name }}{{ end -}}
{{- if .Values.image.digest -}}{{ $name }}@{{ .Values.image.digest }}
{{- else -}}{{ $name }}:{{ default .Chart.AppVersion .Values.image.tag }}{{- end -}}
{{- end -}}

{{- /* As container runtimes read a name: its first part is a registry when it holds a dot or a port. */ -}}
{{- define "modelmatrix.weightsImage" -}}
{{- $image := .Values.operator.weightsImage -}}
{{- if and .Values.global.imageRegistry (not (regexMatch "^([^/]*[.:][^/]*|localhost)/" $image)) -}}
{{- printf "%s/%s" .Values.global.imageRegistry $image -}}
{{- else -}}{{ $image }}{{- end -}}
{{- end -}}

{{- /* NAMESPACE/NAME of the other release that owns a stored object; empty for our own and for what no release owns. */ -}}
{{- define "modelmatrix.ownerElsewhere" -}}
{{- $annotations := dig "metadata" "annotations" dict (.stored | default dict) | default dict -}}
{{- $owner := printf "%s/%s" (get $annotations "meta.helm.sh/release-namespace") (get $annotations "meta.helm.sh/release-name") -}}
{{- if not (has $owner (list "/" (printf "%s/%s" .release.Namespace .release.Name))) }}{{ $owner }}{{ end -}}
{{- end -}}

{{- /* The operator's account, as the API server names it. */ -}}
{{- define "modelmatrix.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "modelmatrix.serviceAccount" . }}
{{- end -}}

{{- /* Namespaces of rbac.scope as a list; empty for the whole cluster. */ -}}
{{- define "modelmatrix.writeNamespaces" -}}
{{- if kindIs "slice" .Values.rbac.scope }}{{ toJson .Values.rbac.scope }}{{ else }}[]{{ end -}}
{{- end -}}

{{- define "modelmatrix.environment" -}}
- name: MODELMATRIX_NAMESPACE
  valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}}
- name: MODELMATRIX_IDENTITY
  valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}
- name: MODELMATRIX_INSTALLATION
  value: {{ include "modelmatrix.fullname" . | quote }}
- name: MODELMATRIX_LEASE_NAMESPACE
  value: {{ .Values.leaderElection.namespace | quote }}
- name: MODELMATRIX_METRICS_ADDRESS
  value: {{ printf ":%d" (int .Values.metrics.port) | quote }}
{{- if ne (include "modelmatrix.admissionMode" .) "Off" }}
- name: MODELMATRIX_ADMISSION_ADDRESS
  value: {{ printf ":%d" (int .Values.admission.port) | quote }}
- name: MODELMATRIX_ADMISSION_MODE
  value: {{ include "modelmatrix.admissionMode" . | quote }}
- name: MODELMATRIX_ADMISSION_CERTIFICATE_FILE
  value: {{ include "modelmatrix.admissionFolder" . }}/tls.crt
- name: MODELMATRIX_ADMISSION_KEY_FILE
  value: {{ include "modelmatrix.admissionFolder" . }}/tls.key
{{- end }}
- name: MODELMATRIX_PROMETHEUS_URL
  value: {{ .Values.prometheus.url | quote }}
- name: MODELMATRIX_PROMETHEUS_TIMEOUT
  value: {{ .Values.prometheus.timeoutSeconds | quote }}
{{- if .Values.prometheus.caSecret.name }}
- name: MODELMATRIX_PROMETHEUS_CA_FILE
  value: {{ include "modelmatrix.prometheusFolder" . }}/ca.crt
{{- end }}
{{- if .Values.prometheus.tokenSecret.name }}
- name: MODELMATRIX_PROMETHEUS_TOKEN_FILE
  value: {{ include "modelmatrix.prometheusFolder" . }}/token
{{- end }}
- name: MODELMATRIX_GATEWAY_QUERY
  value: {{ .Values.prometheus.gatewayQuery | quote }}
- name: MODELMATRIX_PROMETHEUS_MATCHERS
  value: {{ .Values.prometheus.matchers | quote }}
- name: MODELMATRIX_INTERVAL
  value: {{ .Values.operator.intervalSeconds | quote }}
- name: MODELMATRIX_CLUSTER_DOMAIN
  value: {{ .Values.operator.clusterDomain | quote }}
- name: MODELMATRIX_WEIGHTS_IMAGE
  value: {{ include "modelmatrix.weightsImage" . | quote }}
- name: MODELMATRIX_MAX_ROLLOUTS
  value: {{ .Values.operator.maxRollouts | quote }}
{{- with include "modelmatrix.writeNamespaces" . | fromYamlArray }}
- name: MODELMATRIX_WRITE_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
- name: MODELMATRIX_TENANCY_HIGHEST_PRIORITY
  value: {{ .Values.tenancy.highestPriority | quote }}
- name: MODELMATRIX_TENANCY_CUSTOM_CODE
  value: {{ .Values.tenancy.customCode | quote }}
- name: MODELMATRIX_TENANCY_SECRET_NAMES
  value: {{ join "," .Values.tenancy.secretNames | default "-" | quote }}
{{- if .Values.metrics.secure.enabled }}
- name: MODELMATRIX_METRICS_SECURE
  value: "true"
- name: MODELMATRIX_METRICS_CERTIFICATE_FILE
  value: {{ include "modelmatrix.metricsFolder" . }}/tls.crt
- name: MODELMATRIX_METRICS_KEY_FILE
  value: {{ include "modelmatrix.metricsFolder" . }}/tls.key
{{- end }}
- name: MODELMATRIX_ENGINE_NETWORK_POLICY
  value: {{ .Values.engines.networkPolicy.enabled | quote }}
- name: MODELMATRIX_ENGINE_OPEN_PORTS
  value: {{ join "," .Values.engines.networkPolicy.openPorts | quote }}
- name: MODELMATRIX_LOG_FORMAT
  value: {{ .Values.operator.logFormat | quote }}
- name: MODELMATRIX_LOG_LEVEL
  value: {{ .Values.operator.logLevel | quote }}
{{- end -}}

{{- /* Secrets that the kubelet mounts; the operator itself reads none. */ -}}
{{- define "modelmatrix.prometheusFolder" -}}/var/run/secrets/modelmatrix/prometheus{{- end -}}

{{- /* Off without quotes is false in a values file. */ -}}
{{- define "modelmatrix.admissionMode" -}}{{ .Values.admission.mode | default "Off" }}{{- end -}}

{{- define "modelmatrix.admissionFolder" -}}/var/run/secrets/modelmatrix/admission{{- end -}}

{{- define "modelmatrix.metricsFolder" -}}/var/run/secrets/modelmatrix/metrics{{- end -}}

{{- define "modelmatrix.metricsSecret" -}}
{{- if .Values.metrics.secure.existingSecret -}}{{ .Values.metrics.secure.existingSecret }}
{{- else if eq (include "modelmatrix.admissionMode" .) "Off" -}}
{{- fail "metrics.secure.existingSecret: name a Secret with a certificate, as there is none of the webhook with admission.mode Off" }}
{{- else -}}{{ include "modelmatrix.admissionSecret" . }}{{- end -}}
{{- end -}}

{{- define "modelmatrix.admissionSecret" -}}
{{- default (printf "%s-admission" (include "modelmatrix.fullname" .)) .Values.admission.existingSecret -}}
{{- end -}}

{{- define "modelmatrix.prometheusSecrets" -}}
{{- with .Values.prometheus.caSecret }}{{ if .name }}
- secret: {name: {{ .name }}, items: [{key: {{ .key }}, path: ca.crt}]}
{{- end }}{{ end }}
{{- with .Values.prometheus.tokenSecret }}{{ if .name }}
- secret: {name: {{ .name }}, items: [{key: {{ .key }}, path: token}]}
{{- end }}{{ end }}
{{- end -}}
