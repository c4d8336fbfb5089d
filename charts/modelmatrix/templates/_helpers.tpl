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
