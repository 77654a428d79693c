{{- define "sluice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for a group's name, the ReplicaSet's and the pod's after it: a pod's name is its node's id. */}}
{{- define "sluice.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 24 | trimSuffix "-" }}
{{- end }}

{{/* Of (dict "root" $ "component" "gateway"), as are the next ones. */}}
{{- define "sluice.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sluice.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "sluice.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{ include "sluice.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sluice
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "sluice.image" -}}
{{- $image := .root.Values.image }}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.prefix }}{{ .component }}:{{ default .root.Chart.AppVersion $image.tag }}
{{- end }}

{{/* Also of "values", the component's, and "name" where its objects are not named after it. */}}
{{- define "sluice.serviceAccountName" -}}
{{- $generated := printf "%s-%s" (include "sluice.fullname" .root) (default .component .name) }}
{{- default (ternary $generated "default" .values.serviceAccount.create) .values.serviceAccount.name }}
{{- end }}

{{- define "sluice.secretName" -}}
{{- default (printf "%s-secrets" (include "sluice.fullname" .)) .Values.secrets.existingSecret }}
{{- end }}

{{- define "sluice.grpcTlsSecretName" -}}
{{- if eq .Values.grpcTls.source "secret" }}
{{- required "grpcTls.existingSecret is needed with grpcTls.source=secret" .Values.grpcTls.existingSecret }}
{{- else }}
{{- include "sluice.fullname" . }}-grpc-tls
{{- end }}
{{- end }}

{{- define "sluice.natsUrl" -}}
{{- if .Values.nats.url }}
{{- .Values.nats.url }}
{{- else if .Values.nats.enabled }}
{{- $name := ternary .Release.Name (printf "%s-nats" .Release.Name) (contains "nats" .Release.Name) }}
{{- printf "nats://%s:%v" (default $name .Values.nats.fullnameOverride) .Values.nats.clientPort }}
{{- else }}
{{- fail "nats.url is needed with nats.enabled=false" }}
{{- end }}
{{- end }}

{{- define "sluice.directoryAddress" -}}
dns:///{{ include "sluice.fullname" . }}-stream-directory.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}:7000
{{- end }}

{{/* host:port of (dict "root" $ "host" "$(POD_IP)" "port" 7000), as a URL writes it. */}}
{{- define "sluice.hostPort" -}}
{{- if eq .root.Values.ipFamily "IPv6" }}[{{ .host }}]{{ else }}{{ .host }}{{ end }}:{{ .port }}
{{- end }}

{{- define "sluice.anyAddress" -}}
{{- ternary "::" "0.0.0.0" (eq .Values.ipFamily "IPv6") }}
{{- end }}

{{/* Variables that every service has. POD_IP and the like come first, since later ones expand them. */}}
{{- define "sluice.commonEnv" -}}
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: POD_IP
  valueFrom: { fieldRef: { fieldPath: status.podIP } }
- name: SLUICE_LOG_LEVEL
  value: {{ .Values.logLevel }}
- name: SLUICE_NATS_URL
  value: {{ include "sluice.natsUrl" . | quote }}
{{- if .Values.nats.credentials.existingSecret }}
- name: SLUICE_NATS_CREDENTIALS_FILE
  value: /etc/sluice/nats/{{ .Values.nats.credentials.key }}
{{- end }}
{{- with .Values.nats.tls }}
{{- if .existingSecret }}
- name: SLUICE_NATS_TLS_CA_FILE
  value: /etc/sluice/nats-tls/ca.crt
{{- if .clientCertificate }}
- name: SLUICE_NATS_TLS_CERT_FILE
  value: /etc/sluice/nats-tls/tls.crt
- name: SLUICE_NATS_TLS_KEY_FILE
  value: /etc/sluice/nats-tls/tls.key
{{- end }}
{{- end }}
{{- end }}
- name: SLUICE_CLUSTER_SECRET
  valueFrom: { secretKeyRef: { name: {{ include "sluice.secretName" . }}, key: cluster-secret } }
{{- if eq .Values.grpcTls.source "none" }}
- name: SLUICE_GRPC_INSECURE
  value: 'true'
{{- else }}
- name: SLUICE_GRPC_TLS_CA_FILE
  value: /etc/sluice/grpc-tls/ca.crt
- name: SLUICE_GRPC_TLS_CERT_FILE
  value: /etc/sluice/grpc-tls/tls.crt
- name: SLUICE_GRPC_TLS_KEY_FILE
  value: /etc/sluice/grpc-tls/tls.key
- name: SLUICE_GRPC_TLS_SERVER_NAME
  value: {{ .Values.grpcTls.serverName }}
{{- end }}
{{- end }}

{{/* Where spans go. */}}
{{- define "sluice.tracingEnv" -}}
{{- with .Values.tracing }}
{{- if .endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_EXPORTER_OTLP_PROTOCOL
  value: {{ .protocol }}
{{- if .headersSecret.name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom: { secretKeyRef: { name: {{ .headersSecret.name }}, key: {{ .headersSecret.key }} } }
{{- end }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .ratio | quote }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.namespace.name={{ $.Release.Namespace }},k8s.pod.name=$(POD_NAME)
{{- end }}
{{- end }}
{{- end }}

{{/* The port of a URL. */}}
{{- define "sluice.portOf" -}}
{{- $url := urlParse . }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- default (ternary "443" "80" (eq $url.scheme "https")) $port }}
{{- end }}

{{- define "sluice.volumeMounts" -}}
{{- if ne .Values.grpcTls.source "none" }}
- { name: grpc-tls, mountPath: /etc/sluice/grpc-tls, readOnly: true }
{{- end }}
{{- if .Values.nats.credentials.existingSecret }}
- { name: nats-credentials, mountPath: /etc/sluice/nats, readOnly: true }
{{- end }}
{{- if .Values.nats.tls.existingSecret }}
- { name: nats-tls, mountPath: /etc/sluice/nats-tls, readOnly: true }
{{- end }}
{{- end }}

{{- define "sluice.volumes" -}}
{{- if ne .Values.grpcTls.source "none" }}
- name: grpc-tls
  secret: { secretName: {{ include "sluice.grpcTlsSecretName" . }}, defaultMode: 0440 }
{{- end }}
{{- if .Values.nats.credentials.existingSecret }}
- name: nats-credentials
  secret: { secretName: {{ .Values.nats.credentials.existingSecret }}, defaultMode: 0440 }
{{- end }}
{{- with .Values.nats.tls.existingSecret }}
- name: nats-tls
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{- define "sluice.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "sluice.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/*
Started: ready once. Ready: its workers run. Live: the process works, whatever else is away; so it has
the most patience.
*/}}
{{- define "sluice.probes" -}}
startupProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: 2
  failureThreshold: 30
readinessProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: 5
  timeoutSeconds: 3
livenessProbe:
  httpGet: { path: /livez, port: admin }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{/* Where pods go, of (dict "root" $ "component" … "values" …). */}}
{{- define "sluice.scheduling" -}}
{{- $labels := include "sluice.selectorLabels" . }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if ne .values.spread "none" }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" (eq $.values.spread "hard") }}
    labelSelector:
      matchLabels:
        {{- $labels | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "sluice.podAnnotations" -}}
kubectl.kubernetes.io/default-container: {{ .component }}
{{- with .values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Egress rules that every service needs: names, and NATS wherever it is. */}}
{{- define "sluice.commonEgress" -}}
- ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
- ports:
    - { protocol: TCP, port: {{ .Values.nats.clientPort }} }
{{- with .Values.tracing.endpoint }}
- ports:
    - { protocol: TCP, port: {{ include "sluice.portOf" . }} }
{{- end }}
{{- end }}

{{- define "sluice.monitoringPeers" -}}
- namespaceSelector:
    {{- toYaml .Values.networkPolicies.monitoringNamespaceSelector | nindent 4 }}
{{- end }}

{{/* NetworkPolicy peers for media nodes, whose pods no selector matches with hostNetwork. */}}
{{- define "sluice.mediaPeers" -}}
{{- if eq .Values.media.exposure "hostNetwork" }}
{{- range .Values.networkPolicies.hostCidrs }}
- ipBlock: { cidr: {{ . | quote }} }
{{- end }}
{{- else }}
- podSelector:
    matchLabels:
      {{- include "sluice.selectorLabels" (dict "root" . "component" "media-worker") | nindent 6 }}
{{- end }}
{{- end }}
