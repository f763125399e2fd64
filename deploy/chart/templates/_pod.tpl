{{- /* The pod of a CronJob: {root, args, prune}. The one that prunes reads no zone, so it has no credentials of any. */ -}}
{{- define "registry-audit.pod" -}}
{{- $values := .root.Values -}}
{{- $name := .root.Release.Name -}}
metadata:
  labels:
    app.kubernetes.io/name: registry-audit
  {{- with $values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: Never
  serviceAccountName: {{ $name }}
  automountServiceAccountToken: {{ and (or $values.access $values.tenant) (not .prune) }}
  terminationGracePeriodSeconds: 60
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . | quote }}
    {{- end }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    {{- with $values.fsGroup }}
    fsGroup: {{ . }}
    {{- end }}
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: registry-audit
      {{- if $values.image.digest }}
      image: {{ printf "%s@%s" $values.image.repository $values.image.digest | quote }}
      {{- else }}
      image: {{ printf "%s:%s" $values.image.repository ($values.image.tag | default .root.Chart.AppVersion) | quote }}
      {{- end }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: {{ .args | toJson }}
      {{- with $values.envFrom }}
      envFrom:
        {{- range . }}
        - secretRef:
            name: {{ . | quote }}
        {{- end }}
      {{- end }}
      env:
        - name: REGISTRY_AUDIT_LOG_FORMAT
          value: json
        {{- if and $values.shards (not .prune) }}
        - name: JOB_COMPLETIONS
          value: {{ $values.shards | quote }}
        - name: REGISTRY_AUDIT_JOB
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['batch.kubernetes.io/job-name']
        {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/registry-audit
          readOnly: true
        {{- if $values.volume.enabled }}
        - name: runs
          mountPath: /var/lib/registry-audit
        {{- end }}
        - name: tmp
          mountPath: /tmp
        {{- if and $values.zonesSecret (not .prune) }}
        - name: zones
          mountPath: /var/run/secrets/zones
          readOnly: true
        {{- end }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ $name }}
    {{- if $values.volume.enabled }}
    - name: runs
      persistentVolumeClaim:
        claimName: {{ $name }}
    {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 2Gi
    {{- if and $values.zonesSecret (not .prune) }}
    - name: zones
      secret:
        secretName: {{ $values.zonesSecret | quote }}
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
