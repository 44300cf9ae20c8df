import { create, createFileRegistry, type DescService, type Message } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

export type ProbeRequest = Message & { text: string; count: number; big: bigint; parts: ProbeRequest[] };

const request = ".liveuser.probe.ProbeRequest";
const response = ".liveuser.probe.ProbeResponse";

/**
 * A service for tests of the doors: every kind of field, a message inside itself, methods that wait
 * and streams, none of which the contract's working methods have.
 */
export const Probe: DescService = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "liveuser/probe.proto",
    package: "liveuser.probe",
    syntax: "proto3",
    messageType: [
      {
        name: "ProbeRequest",
        field: [
          { name: "text", number: 1, type: Type.STRING, label: Label.OPTIONAL, jsonName: "text" },
          { name: "count", number: 2, type: Type.INT32, label: Label.OPTIONAL, jsonName: "count" },
          { name: "big", number: 3, type: Type.UINT64, label: Label.OPTIONAL, jsonName: "big" },
          {
            name: "parts",
            number: 4,
            type: Type.MESSAGE,
            typeName: request,
            label: Label.REPEATED,
            jsonName: "parts",
          },
          {
            name: "some_numbers",
            number: 5,
            type: Type.SINT32,
            label: Label.REPEATED,
            jsonName: "someNumbers",
          },
          { name: "raw", number: 6, type: Type.BYTES, label: Label.OPTIONAL, jsonName: "raw" },
          { name: "ratio", number: 7, type: Type.DOUBLE, label: Label.OPTIONAL, jsonName: "ratio" },
          { name: "flag", number: 8, type: Type.BOOL, label: Label.OPTIONAL, jsonName: "flag" },
          {
            name: "levels",
            number: 9,
            type: Type.MESSAGE,
            typeName: `${request}.LevelsEntry`,
            label: Label.REPEATED,
            jsonName: "levels",
          },
        ],
        nestedType: [
          {
            name: "LevelsEntry",
            options: { mapEntry: true },
            field: [
              { name: "key", number: 1, type: Type.STRING, label: Label.OPTIONAL, jsonName: "key" },
              { name: "value", number: 2, type: Type.INT32, label: Label.OPTIONAL, jsonName: "value" },
            ],
          },
        ],
      },
      {
        name: "ProbeResponse",
        field: [
          { name: "text", number: 1, type: Type.STRING, label: Label.OPTIONAL, jsonName: "text" },
          { name: "big_count", number: 2, type: Type.UINT64, label: Label.OPTIONAL, jsonName: "bigCount" },
        ],
      },
    ],
    service: [
      {
        name: "Probe",
        method: ["Echo", "Wait", "Crash", "Limited"]
          .map((name) => ({ name, inputType: request, outputType: response, serverStreaming: false }))
          .concat(
            ["Count", "Hang"].map((name) => ({
              name,
              inputType: request,
              outputType: response,
              serverStreaming: true,
            })),
          ),
      },
    ],
  }),
  () => undefined,
).getService("liveuser.probe.Probe") as DescService;
