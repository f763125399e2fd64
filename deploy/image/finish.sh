# The last steps of a build, the same in the image and in the test: sh finish.sh BUILD-VENV VENV, in the sources.
set -eu
build=$1 venv=$2
# The program itself, by the build tools that are pinned, and without a network.
"$build/bin/python" -m pip wheel -q --no-deps --no-index --no-build-isolation -w "$build/wheels" .
"$venv/bin/python" -m pip install -q --no-deps --no-index "$build"/wheels/registry_access_audit-*.whl
# What is in it, as CycloneDX.
"$build/bin/cyclonedx-py" environment --output-reproducible --of JSON -o "$venv/sbom.json" "$venv/bin/python"
"$venv/bin/python" bill.py "$venv/sbom.json" "$(echo "$venv"/lib/python3*/site-packages/reports)" "$build/installed.json"
# Nothing in it installs anything, and any user may read all of it and write none.
"$venv/bin/python" -m pip uninstall -q -y pip
# The libraries' own tests are never imported, and are a third of what would be compiled.
find "$venv/lib" -depth -type d -name tests -exec rm -r {} +
"$venv/bin/python" -m compileall -q -j 0 "$venv/lib" || true
chmod -R a+rX,go-w "$venv"
