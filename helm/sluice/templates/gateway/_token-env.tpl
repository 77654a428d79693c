{{/* How a gateway knows clients' tokens. */}}
{{- define "sluice.tokenEnv" -}}
{{- $tokens := .Values.tokens }}
{{- if not (or $tokens.sharedSecret $tokens.jwksUrl) }}
{{- fail "tokens.jwksUrl is needed with tokens.sharedSecret=false" }}
{{- end }}
{{- if $tokens.sharedSecret }}
- name: SLUICE_TOKEN_SECRET
  valueFrom: { secretKeyRef: { name: {{ include "sluice.secretName" . }}, key: token-secret } }
{{- end }}
{{- with $tokens.jwksUrl }}
- name: SLUICE_TOKEN_JWKS_URL
  value: {{ . | quote }}
{{- end }}
{{- with $tokens.issuer }}
- name: SLUICE_TOKEN_ISSUER
  value: {{ . | quote }}
{{- end }}
{{- with $tokens.audience }}
- name: SLUICE_TOKEN_AUDIENCE
  value: {{ . | quote }}
{{- end }}
{{- with $tokens.defaultGrants }}
- name: SLUICE_TOKEN_DEFAULT_GRANTS
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
