import type { JsonReadOptions, JsonWriteOptions } from "@bufbuild/protobuf";

/**
 * JSON at every door. In: both name styles, unknown fields ignored. Out: the names of the proto
 * file, zero values written.
 */
export const jsonOptions: Readonly<Partial<JsonReadOptions & JsonWriteOptions>> = {
  ignoreUnknownFields: true,
  useProtoFieldName: true,
  alwaysEmitImplicit: true,
};
