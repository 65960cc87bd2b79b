#include <kubeshim/manifest.h>
#include <kubeshim/object.h>

kshim_object *kshim_manifest_object(const kshim_manifest *manifest, size_t index, kshim_client *client)
{
	size_t len;
	const char *text = kshim_manifest_json(manifest, index, &len);

	return text ? kshim_object_from_text(client, text, len) : NULL;
}
