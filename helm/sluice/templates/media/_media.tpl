{{/* What no schema of single values can say about media nodes. */}}
{{- define "sluice.checkMedia" -}}
{{- $media := .media }}
{{- $first := int $media.port }}
{{- $last := sub (add $first (int $media.workers)) 1 | int }}
{{- $inNodePortRange := and (ge $first 30000) (le $last 32767) }}
{{- if and (eq $media.exposure "nodePort") (not $inNodePortRange) }}
{{- fail (printf "media.exposure=nodePort needs ports from 30000 to 32767: media.port=%d to %d are not" $first $last) }}
{{- end }}
{{- if and (eq $media.exposure "hostNetwork") (le $first 32767) (ge $last 30000) }}
{{- fail "media.port is in the range of NodePorts (30000 to 32767), which kube-proxy may take from a host" }}
{{- end }}
{{- if gt $last 65535 }}
{{- fail "media.port leaves the last worker no port below 65536" }}
{{- end }}
{{- if gt (int $media.pipePorts.min) (int $media.pipePorts.max) }}
{{- fail "media.pipePorts.min is above media.pipePorts.max" }}
{{- end }}
{{- if and (ge $last (int $media.pipePorts.min)) (le $first (int $media.pipePorts.max)) }}
{{- fail "media.port and media.pipePorts overlap" }}
{{- end }}
{{- end }}

{{/* As media nodes take it: by their hosts' names, where there are some. */}}
{{- define "sluice.announcedAddress" -}}
{{- if .addresses }}
{{- $entries := list }}
{{- range $host, $address := .addresses }}
{{- $entries = append $entries (printf "%s=%s" $host $address) }}
{{- end }}
{{- printf "map:$(NODE_NAME):%s" (join "," $entries) }}
{{- else }}
{{- .announcedAddress }}
{{- end }}
{{- end }}

{{/* Egress rules for those of whom a media node asks its address. */}}
{{- define "sluice.addressEgress" -}}
{{- $asked := dict }}
{{- range $group, $overrides := .Values.media.groups }}
{{- $address := default $.Values.media.announcedAddress (default dict $overrides).announcedAddress }}
{{- if not $.Values.media.addresses }}{{ $_ := set $asked $address true }}{{ end }}
{{- end }}
{{- range $address := keys $asked | sortAlpha }}
{{- if hasPrefix "stun:" $address }}
- ports:
    - { protocol: UDP, port: {{ regexFind ":[0-9]+$" $address | trimPrefix ":" | default "3478" }} }
{{- end }}
{{- if hasPrefix "cloud:" $address }}
- ports:
    - { protocol: TCP, port: 80 }
  to:
    - ipBlock: { cidr: 169.254.169.254/32 }
{{- end }}
{{- end }}
{{- end }}

{{- define "sluice.mediaSelectorLabels" -}}
{{ include "sluice.selectorLabels" (dict "root" .root "component" "media-worker") }}
sluice/group: {{ .group }}
{{- end }}

{{/* One pod on a host; the ports say so to the scheduler but with nodePort. */}}
{{- define "sluice.mediaAffinity" -}}
{{- $affinity := deepCopy .values.affinity }}
{{- if eq .values.exposure "nodePort" }}
{{- $labels := include "sluice.selectorLabels" . | fromYaml }}
{{- $alone := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $labels) }}
{{- $anti := default dict $affinity.podAntiAffinity }}
{{- $hard := append (default list $anti.requiredDuringSchedulingIgnoredDuringExecution) $alone }}
{{- $_ := set $anti "requiredDuringSchedulingIgnoredDuringExecution" $hard }}
{{- $_ := set $affinity "podAntiAffinity" $anti }}
{{- end }}
{{- toYaml $affinity }}
{{- end }}

{{/* Up at once, down slowly: a node that goes moves its sessions. */}}
{{- define "sluice.mediaScaling" -}}
scaleUp:
  policies:
    - { type: Pods, value: 2, periodSeconds: 60 }
    - { type: Percent, value: 50, periodSeconds: 60 }
scaleDown:
  stabilizationWindowSeconds: {{ .scaleDownWindowSeconds }}
  policies:
    - { type: Pods, value: 1, periodSeconds: 300 }
    - { type: Percent, value: 10, periodSeconds: 300 }
{{- end }}

{{/* Of the group with the most. */}}
{{- define "sluice.mediaWorkersMax" -}}
{{- $workers := int .Values.media.workers }}
{{- range $group := .Values.media.groups }}
{{- $workers = max $workers (int (default 0 (default dict $group).workers)) }}
{{- end }}
{{- $workers }}
{{- end }}

{{/* Sessions of a node at which a group is as full as its target of load says; of a group's values. */}}
{{- define "sluice.sessionsTarget" -}}
{{- mulf .sessionsMax .autoscaling.loadTarget | int64 }}
{{- end }}
